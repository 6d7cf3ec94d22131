/** The pages one can go to, in the order of the navigation. A new page is one line here and one in `routes.tsx`. */
import { type Icon, IconLayoutDashboard, IconServer2, IconTerminal2 } from "@tabler/icons-react";
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

export const SECTIONS: readonly Section[] = [
  {
    label: t.nav.fleet,
    items: [
      { to: "/", label: t.nav.overview, icon: IconLayoutDashboard },
      { to: "/vms", label: t.nav.vms, icon: IconServer2 },
      { to: "/terminals", label: t.nav.terminals, icon: IconTerminal2 },
    ],
  },
  { label: t.nav.activity, items: [] },
  { label: t.nav.administration, items: [] },
];
