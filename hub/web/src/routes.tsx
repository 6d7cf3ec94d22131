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
import { parseCreateSearch } from "./pages/create/search";
import { parseNext } from "./pages/login/next";
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

const tree = root.addChildren([
  login,
  setup,
  shared,
  inside.addChildren([overview, vms, vm, create, terminals, recordings, recording]),
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
