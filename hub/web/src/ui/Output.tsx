/** What a program said: text as it came, in a box that scrolls. */
import { ScrollArea } from "@mantine/core";
import classes from "./Output.module.css";

export function Output({ text, label, mah = 280 }: { text: string; label: string; mah?: number }) {
  return (
    <ScrollArea.Autosize
      mah={mah}
      type="auto"
      className={classes.output}
      viewportProps={{ tabIndex: 0, role: "region", "aria-label": label }}
    >
      <pre className={classes.text}>{text}</pre>
    </ScrollArea.Autosize>
  );
}
