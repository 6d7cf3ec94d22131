import { t } from "@/strings";
import { Page } from "@/ui/Page";

export function VmsPage() {
  return <Page title={t.vms.title}>{null}</Page>;
}
