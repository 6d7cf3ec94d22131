import { Page } from "@/ui/Page";

export function CreatePage() {
  return <Page title="CreatePage">{null}</Page>;
}
