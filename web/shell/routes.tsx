import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent } from '@tanstack/react-router';
import { z } from 'zod';
import { RackScreen } from '../rack/rack-screen.tsx';
import { Frame } from './frame.tsx';

const root = createRootRoute({
  component: Frame,
  notFoundComponent: () => (
    <p>
      There is nothing here. <Link to="/">To the rack</Link>
    </p>
  ),
});

/** The first screen comes with the page; the others when they are asked for. */
const at = <const P extends string>(path: P) => ({ getParentRoute: () => root, path }) as const;

const MACHINE_TABS = ['boot', 'hardware', 'jobs', 'console', 'config', 'history'] as const;
export const machineTab = z.enum(MACHINE_TABS);

const screens = [
  createRoute({ ...at('/'), component: RackScreen }),
  createRoute({
    ...at('/machines'),
    validateSearch: z.object({ search: z.string().optional(), state: z.string().optional() }),
    component: lazyRouteComponent(() => import('../machines/machines-screen.tsx'), 'MachinesScreen'),
  }),
  createRoute({
    ...at('/machines/$name'),
    validateSearch: z.object({ tab: machineTab.optional(), attempt: z.string().optional() }),
    component: lazyRouteComponent(() => import('../machine/machine-screen.tsx'), 'MachineScreen'),
  }),
  createRoute({
    ...at('/discovery'),
    component: lazyRouteComponent(() => import('../machines/discovery-screen.tsx'), 'DiscoveryScreen'),
  }),
  createRoute({
    ...at('/jobs'),
    validateSearch: z.object({ batch: z.string().optional() }),
    component: lazyRouteComponent(() => import('../jobs/jobs-screen.tsx'), 'JobsScreen'),
  }),
  createRoute({
    ...at('/jobs/$id'),
    component: lazyRouteComponent(() => import('../jobs/job-screen.tsx'), 'JobScreen'),
  }),
  createRoute({
    ...at('/images'),
    component: lazyRouteComponent(() => import('../images/images-screen.tsx'), 'ImagesScreen'),
  }),
  createRoute({
    ...at('/profiles'),
    component: lazyRouteComponent(() => import('../profiles/profiles-screen.tsx'), 'ProfilesScreen'),
  }),
  createRoute({
    ...at('/profiles/$name'),
    component: lazyRouteComponent(() => import('../profiles/profile-screen.tsx'), 'ProfileScreen'),
  }),
  createRoute({
    ...at('/clusters'),
    component: lazyRouteComponent(() => import('../clusters/clusters-screen.tsx'), 'ClustersScreen'),
  }),
  createRoute({
    ...at('/clusters/$name'),
    component: lazyRouteComponent(() => import('../clusters/cluster-screen.tsx'), 'ClusterScreen'),
  }),
  createRoute({
    ...at('/network'),
    validateSearch: z.object({ search: z.coerce.string().optional() }),
    component: lazyRouteComponent(() => import('../network/network-screen.tsx'), 'NetworkScreen'),
  }),
  createRoute({
    ...at('/charts'),
    component: lazyRouteComponent(() => import('../charts/charts-screen.tsx'), 'ChartsScreen'),
  }),
  createRoute({
    ...at('/webhooks'),
    component: lazyRouteComponent(() => import('../webhooks/webhooks-screen.tsx'), 'WebhooksScreen'),
  }),
  createRoute({
    ...at('/audit'),
    component: lazyRouteComponent(() => import('../audit/audit-screen.tsx'), 'AuditScreen'),
  }),
  createRoute({
    ...at('/access'),
    component: lazyRouteComponent(() => import('../access/access-screen.tsx'), 'AccessScreen'),
  }),
] as const;

export const makeRouter = () =>
  createRouter({
    routeTree: root.addChildren(screens),
    defaultPreload: 'intent',
    scrollRestoration: false,
    defaultErrorComponent: ({ error }) => (
      <div className="note" data-tone="bad" role="alert">
        <strong>This screen failed.</strong>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <p>Load the page again. If it stays so, that is a bug: please report it with the line above.</p>
      </div>
    ),
  });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
