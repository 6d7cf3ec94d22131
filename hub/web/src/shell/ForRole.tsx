/** Says of a page that one's role does not reach what it needs, in place of a page that fails in parts. */
import { IconLock } from "@tabler/icons-react";
import { useLocation } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useMay } from "@/api/session";
import { t } from "@/strings";
import { LinkButton } from "@/ui/LinkButton";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { roleFor } from "./navigation";

export function ForRole({ children }: { children: ReactNode }) {
  const role = roleFor(useLocation({ select: ({ pathname }) => pathname }));
  if (useMay(role)) return children;
  return (
    <Page title={t.errors.notYoursTitle} heading={<span />}>
      <Nothing
        icon={IconLock}
        title={t.errors.notYoursTitle}
        action={
          <LinkButton to="/" variant="default">
            {t.errors.toOverview}
          </LinkButton>
        }
      >
        {t.errors.notYours(t.permissions[role])}
      </Nothing>
    </Page>
  );
}
