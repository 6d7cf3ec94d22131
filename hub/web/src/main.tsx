import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "@mantine/core/styles.css";
import "@mantine/charts/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./styles.css";

import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { keys } from "./api/keys";
import { makeQueries } from "./api/queries";
import { STRANGER } from "./api/session";
import type { WhoAmI } from "./api/wire";
import { makeRouter } from "./routes";
import { theme, variables } from "./theme";

const queries = makeQueries(signedOut);
const router = makeRouter({ queries, signedOut });

/** Forgets what only somebody who is logged in may see, and asks for the login where it is needed. */
function signedOut(): void {
  if (!queries.getQueryData<WhoAmI>(keys.session)?.me) return;
  queries.clear();
  queries.setQueryData(keys.session, STRANGER);
  void router.navigate({ to: "/login", search: { next: router.state.location.href, ended: true } });
}

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no #root");
createRoot(place).render(
  <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
    <QueryClientProvider client={queries}>
      <Notifications position="bottom-right" />
      <ModalsProvider>
        <RouterProvider router={router} />
      </ModalsProvider>
    </QueryClientProvider>
  </MantineProvider>,
);
