import { notifications } from '@mantine/notifications';
import { problemOf } from '../api/daemon.ts';

/** A notice that something was done. */
export const tell = (message: string): void => void notifications.show({ message, color: 'green', autoClose: 5000 });

/** A notice that something was not done, and what to do about it. It stays until it was read. */
export function tellProblem(error: unknown): void {
  const { title, detail, next } = problemOf(error);
  notifications.show({
    title: detail ?? title,
    message: next === undefined ? '' : `Next: ${next}`,
    color: 'red',
    autoClose: 15_000,
  });
}
