/** Every word the page says; `strings/` has them by page. Sentences of the hub come from the hub. */

import { activity } from "./strings/activity";
import { administration } from "./strings/administration";
import { create } from "./strings/create";
import { doors } from "./strings/doors";
import { fleet } from "./strings/fleet";
import { overview } from "./strings/overview";
import { shell } from "./strings/shell";
import { terminals } from "./strings/terminals";
import { vms } from "./strings/vms";

export const t = {
  ...activity,
  ...administration,
  ...create,
  ...doors,
  ...fleet,
  ...overview,
  ...shell,
  ...terminals,
  ...vms,
} as const;
