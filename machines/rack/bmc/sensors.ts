import type { Board } from './board.ts';
import type { BoardSensor } from './ipmi/wire/board-sensor.ts';
import { wattsOf } from './power-draw.ts';

const ENTITY = { processor: 3, board: 7, supply: 10, fan: 29, inlet: 55 } as const;
const SUPPLY_PRESENT = 0;

export function sensorsOf(board: Board): readonly BoardSensor[] {
  const isOff = board.power.stage() === 'off';
  const fan = (index: number): number | undefined => {
    if (isOff) return undefined;
    return index === 0 && board.fault('fan-failed') ? 0 : 6000 + index * 120;
  };
  const parts: readonly Omit<BoardSensor, 'number'>[] = [
    {
      name: 'Inlet Temp',
      entity: ENTITY.inlet,
      tells: { kind: 'temperature', value: isOff ? 21 : 24, upper: 47 },
    },
    ...board.hardware().processors.map(({ socket }) => ({
      name: `${socket} Temp`,
      entity: ENTITY.processor,
      tells: { kind: 'temperature', value: isOff ? undefined : 52, upper: 95 } as const,
    })),
    ...[0, 1].map((index) => ({
      name: `Fan ${index + 1}`,
      entity: ENTITY.fan,
      tells: { kind: 'fan', value: fan(index), lower: 600 } as const,
    })),
    ...[1, 2].map((number) => ({
      name: `PS${number} Status`,
      entity: ENTITY.supply,
      tells: { kind: 'supply', states: [SUPPLY_PRESENT] } as const,
    })),
    { name: 'Pwr Consumption', entity: ENTITY.board, tells: { kind: 'power', value: wattsOf(board) } },
  ];
  return parts.map((part, index) => ({ ...part, number: index + 1 }));
}
