// Before any schema is made: the policy of the page forbids code made of text, which zod tries otherwise.
import './api/no-code-of-text.ts';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './look/tokens.css';
import './look/parts.css';
import './shell/frame.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { FleetContext, fleetStore } from './api/fleet.ts';
import { makeQueryClient } from './api/queries.ts';
import { watchDaemon } from './api/watch.ts';
import { styleNonce } from './look/style-nonce.ts';
import { cssVariables, theme } from './look/theme.ts';
import { makeRouter } from './shell/routes.tsx';
import { WatchContext } from './shell/connection.tsx';

const queries = makeQueryClient();
const fleet = fleetStore();
// First listen, then read: nothing falls between.
const watch = watchDaemon({ fleet, queries });
void fleet.load();
const router = makeRouter();

const root = document.getElementById('page');
if (!root) throw new Error('the page has no place to be in');
createRoot(root).render(
  <MantineProvider
    theme={theme}
    cssVariablesResolver={cssVariables}
    defaultColorScheme="auto"
    getStyleNonce={styleNonce}
  >
    <Notifications position="bottom-right" limit={4} />
    <QueryClientProvider client={queries}>
      <FleetContext value={fleet}>
        <WatchContext value={watch}>
          <RouterProvider router={router} />
        </WatchContext>
      </FleetContext>
    </QueryClientProvider>
  </MantineProvider>,
);
