import type { Board } from '../board.ts';
import { wattsOf } from '../power-draw.ts';
import { type JsonObject, link } from './answer.ts';
import { chassisPath, managerPath, systemPath } from './paths.ts';
import type { Resource } from './resource.ts';
import { lightBody, lightRules, patchOf } from './system.ts';

/** The box: what is printed on it, its lamp, its power and temperature. */
export function chassisResources(board: Board): readonly (readonly [string, Resource])[] {
  const { profile, quirk } = board;
  const path = chassisPath(profile);
  const environment = `${path}/EnvironmentMetrics`;
  const power = `${path}/Power`;
  const thermal = `${path}/Thermal`;
  const body = (): JsonObject => {
    const hardware = board.hardware();
    return {
      '@odata.id': path,
      '@odata.type': '#Chassis.v1_25_0.Chassis',
      Id: profile.chassisId,
      Name: 'Chassis',
      ChassisType: 'RackMount',
      Manufacturer: hardware.manufacturer,
      Model: hardware.product,
      SerialNumber: hardware.serial,
      PartNumber: '',
      AssetTag: '',
      PowerState: board.power.stage() === 'off' ? 'Off' : 'On',
      ...lightBody(board),
      Status: { State: 'Enabled', Health: 'OK', HealthRollup: 'OK' },
      Power: link(power),
      Thermal: link(thermal),
      ...(quirk('legacy-power') ? {} : { EnvironmentMetrics: link(environment) }),
      PCIeDevices: link(`${path}/PCIeDevices`),
      ...(profile.vendor === 'Supermicro' ? { Oem: { Supermicro: { BoardSerialNumber: hardware.boardSerial } } } : {}),
      Links: { ComputerSystems: [link(systemPath(profile))], ManagedBy: [link(managerPath(profile))] },
    };
  };
  return [
    [
      path,
      {
        get: body,
        patch: (wanted) => patchOf(wanted, lightRules(board)),
      },
    ],
    ...(quirk('legacy-power')
      ? []
      : ([
          [
            environment,
            {
              get: () => ({
                '@odata.id': environment,
                '@odata.type': '#EnvironmentMetrics.v1_3_2.EnvironmentMetrics',
                Id: 'EnvironmentMetrics',
                Name: 'What it draws and how warm it is',
                PowerWatts: { Reading: wattsOf(board) },
                TemperatureCelsius: { Reading: board.power.stage() === 'off' ? 21 : 38 },
              }),
            },
          ],
        ] as const)),
    [
      power,
      {
        get: () => ({
          '@odata.id': power,
          '@odata.type': '#Power.v1_7_2.Power',
          Id: 'Power',
          Name: 'Power',
          PowerControl: [
            {
              '@odata.id': `${power}#/PowerControl/0`,
              MemberId: '0',
              Name: 'System power',
              PowerConsumedWatts: wattsOf(board),
              PowerCapacityWatts: 800,
              Status: { State: 'Enabled', Health: 'OK' },
            },
          ],
          PowerSupplies: [1, 2].map((number, index) => ({
            '@odata.id': `${power}#/PowerSupplies/${index}`,
            MemberId: String(index),
            Name: `PSU ${number}`,
            PowerCapacityWatts: 800,
            SerialNumber: `${board.hardware().serial}-P${number}`,
            Status: { State: 'Enabled', Health: 'OK' },
          })),
        }),
      },
    ],
    [
      thermal,
      {
        get: () => ({
          '@odata.id': thermal,
          '@odata.type': '#Thermal.v1_7_3.Thermal',
          Id: 'Thermal',
          Name: 'Thermal',
          Temperatures: [
            {
              '@odata.id': `${thermal}#/Temperatures/0`,
              MemberId: '0',
              Name: 'Inlet',
              ReadingCelsius: board.power.stage() === 'off' ? 21 : 24,
              Status: { State: 'Enabled', Health: 'OK' },
            },
          ],
          Fans: [],
        }),
      },
    ],
  ];
}
