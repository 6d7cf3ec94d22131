/** A terminal for somebody who has a link to it, and perhaps no account. */
import { Text } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { IconLink } from "@tabler/icons-react";
import { useState } from "react";
import { t } from "@/strings";
import { TerminalView } from "@/terminal/TerminalView";
import { Doorway } from "@/ui/Doorway";
import { Mark } from "@/ui/Mark";
import { Nothing } from "@/ui/Nothing";
import classes from "./SharePage.module.css";

export function SharePage() {
  // It stays in the address, so that a reload comes back; what is behind the # is sent to nobody.
  const [secret] = useState(
    () => new URLSearchParams(globalThis.location.hash.slice(1)).get("share") ?? "",
  );
  useDocumentTitle(`${t.shared.title} · ${t.product}`);
  const [full, setFull] = useState(false);
  if (secret === "") {
    return (
      <Doorway title={t.shared.title}>
        <Nothing icon={IconLink} title={t.shared.incompleteTitle}>
          {t.shared.incomplete}
        </Nothing>
      </Doorway>
    );
  }
  return (
    <main className={classes.page} data-full={full || undefined}>
      <header className={classes.head}>
        <Mark size={22} />
        <Text component="h1" fw={600} size="sm">
          {t.shared.title}
        </Text>
      </header>
      <div className={classes.terminal}>
        <TerminalView
          place={{ share: secret }}
          offset={null}
          label={t.shared.title}
          name={<Mark size={16} />}
          shown
          active
          isFull={full}
          onFull={setFull}
        />
      </div>
    </main>
  );
}
