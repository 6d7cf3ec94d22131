/** The pages one can go to, in the order of the navigation. A new page is one line here and one in `routes.tsx`. */
import {
  type Icon,
  IconActivity,
  IconDeviceDesktop,
  IconHistory,
  IconListCheck,
  IconKey,
  IconLayoutDashboard,
  IconServer2,
  IconSettings,
  IconTerminal2,
  IconTopologyStar3,
  IconUsers,
} from "@tabler/icons-react";
import { useMemo } from "react";
import { reaches, useMe } from "@/api/session";
import type { Role } from "@/api/wire";
import { t } from "@/strings";

export interface Destination {
  readonly to: string;
  readonly label: string;
  readonly icon: Icon;
  /** Who may see it; whoever may look, if left out. */
  readonly role?: Role;
}

export interface Section {
  readonly label: string;
  readonly items: readonly Destination[];
}

const SECTIONS: readonly Section[] = [
  {
    label: t.nav.fleet,
    items: [
      { to: "/", label: t.nav.overview, icon: IconLayoutDashboard },
      { to: "/vms", label: t.nav.vms, icon: IconServer2 },
      { to: "/terminals", label: t.nav.terminals, icon: IconTerminal2 },
      { to: "/machines", label: t.nav.machines, icon: IconDeviceDesktop },
    ],
  },
  {
    label: t.nav.activity,
    items: [
      { to: "/operations", label: t.nav.operations, icon: IconListCheck },
      { to: "/events", label: t.nav.events, icon: IconActivity },
      { to: "/audit", label: t.nav.audit, icon: IconHistory, role: "admin" },
    ],
  },
  {
    label: t.nav.administration,
    items: [
      { to: "/peers", label: t.nav.peers, icon: IconTopologyStar3 },
      { to: "/users", label: t.nav.users, icon: IconUsers, role: "admin" },
      { to: "/tokens", label: t.nav.tokens, icon: IconKey },
      { to: "/settings", label: t.nav.settings, icon: IconSettings },
    ],
  },
];

/** The pages that whoever is logged in may see, by section; a section that has none is left out. */
export function useSections(): readonly Section[] {
  const role = useMe()?.role ?? "viewer";
  return useMemo(() => {
    const seen = (item: Destination) => reaches(role, item.role ?? "viewer");
    const all = SECTIONS.map((section) => ({ ...section, items: section.items.filter(seen) }));
    return all.filter((section) => section.items.length > 0);
  }, [role]);
}

/** Of pages that are in no navigation. */
const OTHERS: Readonly<Record<string, Role>> = { "/create": "operator" };

/** Who may see the page at `path`. The hub decides; this only spares a page that fails. */
export function roleFor(path: string): Role {
  const found = SECTIONS.flatMap((section) => section.items).find((item) => item.to === path);
  return found?.role ?? OTHERS[path] ?? "viewer";
}
