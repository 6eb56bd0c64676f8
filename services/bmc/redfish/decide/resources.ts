import { z } from 'zod';
import { flag, link, links, listOf, maybe, maybeObject, number, object, text, texts } from './read.ts';

/** DSP0268's resources, as far as this client reads them. Missing and null are the same here: the service cannot tell. */

/** Members are read one by one: one that is broken costs only itself. */
export const collection = object({
  Members: listOf(z.unknown()),
  'Members@odata.nextLink': text,
});

/** At `/redfish/v1/`, told to anybody. */
export const serviceRoot = object({
  RedfishVersion: text,
  UUID: text,
  Vendor: text,
  Product: text,
  Systems: link,
  Managers: link,
  Chassis: link,
  SessionService: link,
  AccountService: link,
  // A hint for faster reading: early services have `false` where an object is meant, which is no reason to give up.
  ProtocolFeaturesSupported: maybeObject({ ExpandQuery: maybeObject({ NoLinks: flag }) }).catch(undefined),
  Links: maybeObject({ Sessions: link }),
});
export type ServiceRoot = z.output<typeof serviceRoot>;

export const status = maybeObject({ State: text, Health: text, HealthRollup: text });

const action = maybeObject({
  target: text,
  'ResetType@Redfish.AllowableValues': texts,
  '@Redfish.ActionInfo': text,
});
export type ResetAction = z.output<typeof action>;

export const boot = maybeObject({
  BootSourceOverrideTarget: text,
  BootSourceOverrideEnabled: text,
  BootSourceOverrideMode: text,
  HttpBootUri: text,
  'BootSourceOverrideTarget@Redfish.AllowableValues': texts,
  'BootSourceOverrideEnabled@Redfish.AllowableValues': texts,
  'BootSourceOverrideMode@Redfish.AllowableValues': texts,
});
export type Boot = Partial<NonNullable<z.output<typeof boot>>>;

const settings = maybeObject({ SettingsObject: link });

const lamp = { LocationIndicatorActive: flag, IndicatorLED: text };

/** Of a system or a chassis. */
export const light = object(lamp);

export const system = object({
  Id: text,
  Manufacturer: text,
  Model: text,
  SerialNumber: text,
  SKU: text,
  AssetTag: text,
  UUID: text,
  BiosVersion: text,
  PowerState: text,
  Status: status,
  BootProgress: maybeObject({ LastState: text, OemLastState: text }),
  ...lamp,
  Boot: boot,
  MemorySummary: maybeObject({ TotalSystemMemoryGiB: number }),
  TrustedModules: maybe(listOf(object({ InterfaceType: text, Status: status }))),
  Processors: link,
  Memory: link,
  Storage: link,
  SimpleStorage: link,
  EthernetInterfaces: link,
  NetworkInterfaces: link,
  SecureBoot: link,
  LogServices: link,
  PCIeDevices: maybe(linksOrLink()),
  VirtualMedia: link,
  EnvironmentMetrics: link,
  Links: maybeObject({ Chassis: links, ManagedBy: links }),
  Actions: maybeObject({ '#ComputerSystem.Reset': action }),
  '@Redfish.Settings': settings,
});
export type System = z.output<typeof system>;

/** The settings object of a system: what it will be after the next reset. */
export const systemSettings = object({ Boot: boot });

export const chassis = object({
  Manufacturer: text,
  Model: text,
  SerialNumber: text,
  PartNumber: text,
  AssetTag: text,
  Status: status,
  ...lamp,
  Power: link,
  EnvironmentMetrics: link,
  NetworkAdapters: link,
  PCIeDevices: link,
  Oem: maybeObject({ Supermicro: maybeObject({ BoardSerialNumber: text }) }),
});
export type Chassis = z.output<typeof chassis>;

export const manager = object({
  Model: text,
  VirtualMedia: link,
  FirmwareVersion: text,
  EthernetInterfaces: link,
  LogServices: link,
  NetworkProtocol: link,
});
export type Manager = z.output<typeof manager>;

export const managerProtocols = object({ IPMI: maybeObject({ ProtocolEnabled: flag, Port: number }) });

export const environmentMetrics = object({ PowerWatts: maybeObject({ Reading: number }) });
export const power = object({ PowerControl: listOf(object({ PowerConsumedWatts: number })) });

/** OpenBMC tells the allowed values of an action nowhere else. */
export const actionInfo = object({
  Parameters: listOf(object({ Name: text, AllowableValues: texts })),
});

export const processor = object({
  Socket: text,
  ProcessorType: text,
  Manufacturer: text,
  Model: text,
  TotalCores: number,
  TotalThreads: number,
  MaxSpeedMHz: number,
  Status: status,
});
export const memoryModule = object({
  DeviceLocator: text,
  Name: text,
  CapacityMiB: number,
  MemoryDeviceType: text,
  OperatingSpeedMhz: number,
  Manufacturer: text,
  SerialNumber: text,
  PartNumber: text,
  Status: status,
});
export const storage = object({
  Drives: links,
  Volumes: link,
});
export const drive = object({
  Name: text,
  Model: text,
  SerialNumber: text,
  CapacityBytes: number,
  BlockSizeBytes: number,
  MediaType: text,
  Protocol: text,
  Revision: text,
  FirmwareVersion: text,
  FailurePredicted: flag,
  PredictedMediaLifeLeftPercent: number,
  Identifiers: listOf(object({ DurableNameFormat: text, DurableName: text })),
  PhysicalLocation: maybeObject({ PartLocation: maybeObject({ ServiceLabel: text }) }),
  Status: status,
});
export const volume = object({
  Name: text,
  CapacityBytes: number,
  BlockSizeBytes: number,
  RAIDType: text,
  VolumeType: text,
  Identifiers: listOf(object({ DurableNameFormat: text, DurableName: text })),
  Status: status,
  Links: maybeObject({ Drives: links }),
});
export const simpleStorage = object({
  Devices: listOf(object({ Name: text, Manufacturer: text, Model: text, CapacityBytes: number, Status: status })),
});
export const ethernetInterface = object({
  Id: text,
  Name: text,
  Description: text,
  MACAddress: text,
  PermanentMACAddress: text,
  SpeedMbps: number,
  LinkStatus: text,
  Status: status,
});
/** A card as the system has it, which leads to the card as the chassis has it. */
export const networkInterface = object({ NetworkAdapter: link, Links: maybeObject({ NetworkAdapter: link }) });
export const networkAdapter = object({
  Name: text,
  Manufacturer: text,
  Model: text,
  NetworkDeviceFunctions: link,
  Ports: link,
  NetworkPorts: link,
});
export const networkDeviceFunction = object({
  Id: text,
  Name: text,
  Ethernet: maybeObject({ MACAddress: text, PermanentMACAddress: text }),
});
export const port = object({
  Id: text,
  Name: text,
  LinkStatus: text,
  CurrentSpeedGbps: number,
  CurrentLinkSpeedMbps: number,
  AssociatedNetworkAddresses: texts,
  Ethernet: maybeObject({ AssociatedMACAddresses: texts }),
});
export const pcieDevice = object({
  Id: text,
  Name: text,
  Manufacturer: text,
  Model: text,
  // Up to PCIeDevice v1.3 a list in Links, since then a collection.
  PCIeFunctions: link,
  Links: maybeObject({ PCIeFunctions: links }),
});
export const pcieFunction = object({
  FunctionId: number,
  DeviceClass: text,
  ClassCode: text,
  VendorId: text,
  DeviceId: text,
});
export const secureBoot = object({ SecureBootEnable: flag, SecureBootCurrentBoot: text });

const target = maybeObject({ target: text });
export const virtualMedia = object({
  Id: text,
  Name: text,
  MediaTypes: texts,
  Inserted: flag,
  Image: text,
  Actions: maybeObject({ '#VirtualMedia.InsertMedia': target, '#VirtualMedia.EjectMedia': target }),
});
export type VirtualMedia = z.output<typeof virtualMedia>;

export const logService = object({ Id: text, Name: text, LogEntryType: text, Entries: link });
export const logEntry = object({
  Id: text,
  Created: text,
  EventTimestamp: text,
  Severity: text,
  MessageSeverity: text,
  Message: text,
  MessageId: text,
});

export const accountService = object({
  Accounts: link,
  MinPasswordLength: number,
  MaxPasswordLength: number,
});
export const account = object({ Id: text, UserName: text, RoleId: text, Enabled: flag });
export type Account = z.output<typeof account>;

export const task = object({
  TaskState: text,
  TaskStatus: text,
  TaskMonitor: text,
  Messages: listOf(object({ Message: text, MessageId: text })),
});

/** PCIeDevices of a system is a list of references, or since v1.20 of some services a collection. */
function linksOrLink() {
  return links.or(link.transform((path) => (path === undefined ? [] : [path])));
}
