import { Page } from "@/ui/Page";

export function VmPage() {
  return <Page title="VmPage">{null}</Page>;
}
