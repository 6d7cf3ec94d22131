/** The layout of whoever is logged in, kept in this browser. */
import { useLocalStorage } from "@mantine/hooks";
import { useMe } from "@/api/session";
import { EMPTY, type Layout, parseLayout } from "./layout";

export function useLayout() {
  const name = useMe()?.name ?? "";
  return useLocalStorage<Layout>({
    key: `batwa.terminals.${name}`,
    defaultValue: EMPTY,
    deserialize: parseLayout,
    getInitialValueInEffect: false,
    sync: false, // another window shows what it likes
  });
}
