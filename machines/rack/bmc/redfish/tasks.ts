import { type Answer, type JsonObject, link } from './answer.ts';
import { extendedInfo } from './message.ts';

export const TASKS = '/redfish/v1/TaskService/Tasks';
const MONITORS = '/redfish/v1/TaskService/TaskMonitors';
/** A BMC remembers no more than its last tasks. */
const REMEMBERED = 32;

type Task = {
  readonly id: string;
  readonly name: string;
  readonly startedAt: number;
  readonly firstSeenAt: number;
  state: 'New' | 'Running' | 'Completed' | 'Exception';
  /** The final answer is told once, as DSP0266 has it. */
  told: boolean;
};

/** Work that goes on after the answer. */
export type Tasks = {
  /** 202 with the monitor; `work` runs at once, or when the machine boots. */
  start(name: string, work: Promise<unknown>): Answer;
  list(): readonly string[];
  resource(id: string): JsonObject | undefined;
  monitor(path: string): Answer | undefined;
};

export function openTasks(options: {
  readonly now: () => number;
  /** Dell's jobs say New first, and are 404 for a moment. */
  readonly appearsLate: boolean;
  /** What a second is here; milliseconds. */
  readonly lateMs: number;
}): Tasks {
  const { now, appearsLate, lateMs } = options;
  const tasks = new Map<string, Task>();
  let next = 1;

  const visible = (id: string): Task | undefined => {
    const task = tasks.get(id);
    return task && task.firstSeenAt <= now() ? task : undefined;
  };

  function resource(task: Task): JsonObject {
    const path = `${TASKS}/${task.id}`;
    return {
      '@odata.id': path,
      '@odata.type': '#Task.v1_7_4.Task',
      Id: task.id,
      Name: task.name,
      TaskState: task.state,
      TaskStatus: task.state === 'Exception' ? 'Critical' : 'OK',
      StartTime: new Date(task.startedAt).toISOString(),
      PercentComplete: task.state === 'Completed' ? 100 : 0,
      TaskMonitor: `${MONITORS}/${task.id}`,
      Messages: task.state === 'Completed' ? [extendedInfo('Success')] : [],
    };
  }

  return {
    start(name, work) {
      const at = now();
      const id = `JID_${String(next++).padStart(6, '0')}`;
      const task: Task = {
        id,
        name,
        startedAt: at,
        firstSeenAt: appearsLate ? at + lateMs : at,
        state: appearsLate ? 'New' : 'Running',
        told: false,
      };
      tasks.set(id, task);
      if (tasks.size > REMEMBERED) tasks.delete(tasks.keys().next().value ?? '');
      work.then(
        () => (task.state = 'Completed'),
        () => (task.state = 'Exception'),
      );
      return {
        status: 202,
        headers: { Location: `${MONITORS}/${id}`, 'Retry-After': '1' },
        body: resource(task),
      };
    },
    list: () => [...tasks.keys()].filter((id) => visible(id)).map((id) => `${TASKS}/${id}`),
    resource(id) {
      const task = visible(id);
      return task && resource(task);
    },
    monitor(path) {
      if (!path.startsWith(`${MONITORS}/`)) return undefined;
      const task = visible(path.slice(MONITORS.length + 1));
      if (!task || task.told) return undefined;
      if (task.state === 'New' || task.state === 'Running') {
        return { status: 202, headers: { Location: path, 'Retry-After': '1' }, body: resource(task) };
      }
      task.told = true;
      return task.state === 'Completed'
        ? { status: 200, body: resource(task) }
        : { status: 500, body: { error: { code: 'Base.1.18.GeneralError', message: 'The task failed.' } } };
    },
  };
}

export const taskService = (): JsonObject => ({
  '@odata.id': '/redfish/v1/TaskService',
  '@odata.type': '#TaskService.v1_2_1.TaskService',
  Id: 'TaskService',
  Name: 'Tasks',
  ServiceEnabled: true,
  Tasks: link(TASKS),
});
