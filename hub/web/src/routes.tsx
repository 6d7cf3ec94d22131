/** Every address of the page. A page's code is loaded when it is first asked for. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { sessionQuery } from "./api/session";
import { parseAuditSearch } from "./pages/audit/search";
import { parseCreateSearch } from "./pages/create/search";
import { parseEventsSearch } from "./pages/events/search";
import { parseNext } from "./pages/login/next";
import { parseMachinesSearch } from "./pages/machines/search";
import { parseOperationsSearch } from "./pages/operations/search";
import { parseWhere } from "./pages/vm/where";
import { parseTerminalsSearch } from "./pages/terminals/search";
import { parseVmsSearch } from "./pages/vms/search";
import { Broken, NotFound } from "./shell/Broken";
import { Shell } from "./shell/Shell";

export interface RouterContext {
  readonly queries: QueryClient;
  /** The hub says that nobody is logged in any more. */
  readonly signedOut: () => void;
}

const root = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  errorComponent: Broken,
  notFoundComponent: NotFound,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: parseNext,
  component: lazyRouteComponent(() => import("./pages/login/LoginPage"), "LoginPage"),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  component: lazyRouteComponent(() => import("./pages/setup/SetupPage"), "SetupPage"),
});

/** Where a link to a terminal leads; the link is behind the #. */
const shared = createRoute({
  getParentRoute: () => root,
  path: "/terminal",
  component: lazyRouteComponent(() => import("./pages/share/SharePage"), "SharePage"),
});

/** Whatever needs a login; without one it sends to the login page, and back afterwards. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    const session = await context.queries.ensureQueryData(sessionQuery);
    if (session.me === null) throw redirect({ to: "/login", search: { next: location.href } });
  },
});

const overview = createRoute({
  getParentRoute: () => inside,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/overview/OverviewPage"), "OverviewPage"),
});

const vms = createRoute({
  getParentRoute: () => inside,
  path: "/vms",
  validateSearch: parseVmsSearch,
  component: lazyRouteComponent(() => import("./pages/vms/VmsPage"), "VmsPage"),
});

const vm = createRoute({
  getParentRoute: () => inside,
  path: "/vms/$name",
  validateSearch: parseWhere,
  component: lazyRouteComponent(() => import("./pages/vm/VmPage"), "VmPage"),
});

const create = createRoute({
  getParentRoute: () => inside,
  path: "/create",
  validateSearch: parseCreateSearch,
  component: lazyRouteComponent(() => import("./pages/create/CreatePage"), "CreatePage"),
});

const terminals = createRoute({
  getParentRoute: () => inside,
  path: "/terminals",
  validateSearch: parseTerminalsSearch,
  component: lazyRouteComponent(() => import("./pages/terminals/TerminalsPage"), "TerminalsPage"),
});

const recordings = createRoute({
  getParentRoute: () => inside,
  path: "/terminals/recordings",
  component: lazyRouteComponent(
    () => import("./pages/recordings/RecordingsPage"),
    "RecordingsPage",
  ),
});

const recording = createRoute({
  getParentRoute: () => inside,
  path: "/terminals/recordings/$id",
  component: lazyRouteComponent(() => import("./pages/recordings/RecordingPage"), "RecordingPage"),
});

const machines = createRoute({
  getParentRoute: () => inside,
  path: "/machines",
  validateSearch: parseMachinesSearch,
  component: lazyRouteComponent(() => import("./pages/machines/MachinesPage"), "MachinesPage"),
});

const operations = createRoute({
  getParentRoute: () => inside,
  path: "/operations",
  validateSearch: parseOperationsSearch,
  component: lazyRouteComponent(
    () => import("./pages/operations/OperationsPage"),
    "OperationsPage",
  ),
});

const peers = createRoute({
  getParentRoute: () => inside,
  path: "/peers",
  component: lazyRouteComponent(() => import("./pages/peers/PeersPage"), "PeersPage"),
});

const events = createRoute({
  getParentRoute: () => inside,
  path: "/events",
  validateSearch: parseEventsSearch,
  component: lazyRouteComponent(() => import("./pages/events/EventsPage"), "EventsPage"),
});

const audit = createRoute({
  getParentRoute: () => inside,
  path: "/audit",
  validateSearch: parseAuditSearch,
  component: lazyRouteComponent(() => import("./pages/audit/AuditPage"), "AuditPage"),
});

const users = createRoute({
  getParentRoute: () => inside,
  path: "/users",
  component: lazyRouteComponent(() => import("./pages/users/UsersPage"), "UsersPage"),
});

const tokens = createRoute({
  getParentRoute: () => inside,
  path: "/tokens",
  component: lazyRouteComponent(() => import("./pages/tokens/TokensPage"), "TokensPage"),
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/SettingsPage"), "SettingsPage"),
});

/** Within the shell, so that one can go on from there. */
const nowhere = createRoute({
  getParentRoute: () => inside,
  path: "$",
  component: NotFound,
});

const fleet = [vms, vm, create, terminals, recordings, recording, machines];
const activity = [operations, events, audit];
const administration = [peers, users, tokens, settings];

const tree = root.addChildren([
  login,
  setup,
  shared,
  inside.addChildren([overview, ...fleet, ...activity, ...administration, nowhere]),
]);

export function makeRouter(context: RouterContext) {
  return createRouter({
    routeTree: tree,
    context,
    defaultPreload: "intent",
    defaultErrorComponent: Broken,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
