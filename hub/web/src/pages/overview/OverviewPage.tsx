import { t } from "@/strings";
import { Page } from "@/ui/Page";

export function OverviewPage() {
  return <Page title={t.overview.title}>{null}</Page>;
}
