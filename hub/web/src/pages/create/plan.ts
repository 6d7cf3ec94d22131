/** What the form comes to: which VMs, where, and what is wrong with it; no I/O. */
import type { Agent, CreateVm, ListedVm } from "@/api/wire";
import { t } from "@/strings";

export const MOST_VMS = 50;
const RESERVED = new Set(["list", "info", "create", "start", "stop", "delete"]);
const NAME = /^[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@%+~=,?&-]*$/;
const SIZE = /^(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?$/i;
const FACTOR: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const LEAST_MEMORY = 128 * 2 ** 20;
const LEAST_DISK = 512 * 2 ** 20;

export interface Form {
  name: string;
  count: number;
  /** The id of an agent; empty lets the best fit be chosen. */
  machine: string;
  /** Empty is Multipass's default. */
  image: string;
  cpus: number;
  memory: string;
  disk: string;
  cloudInit: string;
}

export type Size = "small" | "medium" | "large";

export const SIZES: Record<Size, Pick<Form, "cpus" | "memory" | "disk">> = {
  small: { cpus: 1, memory: "1G", disk: "5G" },
  medium: { cpus: 2, memory: "4G", disk: "20G" },
  large: { cpus: 4, memory: "8G", disk: "40G" },
};

export const EMPTY: Form = {
  name: "",
  count: 1,
  machine: "",
  image: "",
  ...SIZES.small,
  cloudInit: "",
};

/** Bytes of a size as Multipass writes them; NaN if it is none. */
export function sizeBytes(size: string): number {
  const match = SIZE.exec(size.trim());
  return match
    ? Number(match[1]) * (FACTOR[(match[2] ?? "").toUpperCase()] ?? Number.NaN)
    : Number.NaN;
}

/** The names of all VMs: several get a number of the same width. */
export function namesOf({ name, count }: Pick<Form, "name" | "count">): string[] {
  if (count <= 1) return [name];
  const width = String(count).length;
  return Array.from({ length: count }, (_, at) => `${name}-${String(at + 1).padStart(width, "0")}`);
}

export function nameProblem(
  form: Form,
  vms: readonly ListedVm[],
  machines: readonly Agent[],
): string | null {
  const names = namesOf(form);
  if (names.some((name) => !NAME.test(name) || name.length > 100)) return t.create.nameBad;
  if (names.some((name) => RESERVED.has(name))) return t.create.nameReserved;
  const where = machines.find((machine) => machine.agent_id === form.machine);
  if (!where) return null; // best fit goes where the name is free
  const taken = vms.some((vm) => names.includes(vm.name) && isOn(vm, where));
  return taken ? t.create.nameTaken(where.hostname) : null;
}

export function imageProblem(image: string): string | null {
  return image === "" || (IMAGE.test(image) && image.length <= 1024) ? null : t.create.imageBad;
}

export function memoryProblem(memory: string): string | null {
  return sizeBytes(memory) >= LEAST_MEMORY ? null : t.create.memoryBad;
}

export function diskProblem(disk: string): string | null {
  return sizeBytes(disk) >= LEAST_DISK ? null : t.create.diskBad;
}

/** Memory that a machine has to spare, in bytes; what it does not tell counts as none. */
export function spareBytes(machine: Agent): number {
  return machine.load ? machine.load.memory_bytes - machine.load.memory_used_bytes : 0;
}

/** Machines that can take a VM now. */
export function usable(machines: readonly Agent[]): Agent[] {
  return machines.filter((machine) => machine.status === "online" && !machine.driver?.problem);
}

/** One command for each VM. With best fit, each goes where most memory is left and its name is free. */
export function plan(form: Form, machines: readonly Agent[], vms: readonly ListedVm[]): CreateVm[] {
  const spare = new Map(usable(machines).map((machine) => [machine, spareBytes(machine)]));
  return namesOf(form).map((name) => {
    const chosen = form.machine
      ? machines.find((machine) => machine.agent_id === form.machine)
      : roomiest(spare, (machine) => !vms.some((vm) => vm.name === name && isOn(vm, machine)));
    if (chosen) spare.set(chosen, (spare.get(chosen) ?? 0) - sizeBytes(form.memory));
    return {
      name,
      cpus: form.cpus,
      memory: form.memory.trim(),
      disk: form.disk.trim(),
      image: form.image || null,
      cloud_init: form.cloudInit.trim() ? form.cloudInit : null,
      agent_id: !chosen || chosen.local ? null : chosen.agent_id,
      kind: "create",
    };
  });
}

function roomiest(spare: Map<Agent, number>, fits: (machine: Agent) => boolean): Agent | undefined {
  return [...spare.keys()]
    .filter(fits)
    .sort((one, other) => (spare.get(other) ?? 0) - (spare.get(one) ?? 0))[0];
}

/** The machine that best fit would choose first. */
export function bestFit(machines: readonly Agent[]): Agent | undefined {
  return usable(machines).sort((one, other) => spareBytes(other) - spareBytes(one))[0];
}

function isOn(vm: ListedVm, machine: Agent): boolean {
  return vm.agent_id === (machine.local ? null : machine.agent_id);
}
