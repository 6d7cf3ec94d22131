/** An editor that knows YAML and marks what is wrong. Loaded when somebody wants it. */
import { yaml } from "@codemirror/lang-yaml";
import { type Diagnostic, lintGutter, linter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { t } from "@/strings";
import { problemsOf } from "./cloudInit";
import classes from "./Create.module.css";

const LOOKS = EditorView.theme({
  "&": { fontSize: "12.5px", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--mantine-font-family-monospace)",
    minHeight: "180px",
    maxHeight: "420px",
  },
  ".cm-gutters": {
    backgroundColor: "transparent",
    color: "var(--mantine-color-dimmed)",
    border: "none",
  },
  ".cm-content": { caretColor: "var(--mantine-color-text)" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "var(--chosen)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    border: "1px solid var(--mantine-color-default-border)",
  },
});

const check = linter((view) =>
  problemsOf(view.state.doc.toString()).map(({ from, to, message, severity }): Diagnostic => {
    return { from, to, message, severity };
  }),
);

export function CloudInitEditor(props: { value: string; onChange: (text: string) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });
  useEffect(() => {
    if (!place.current) return;
    const tell = EditorView.updateListener.of((update) => {
      if (update.docChanged) latest.current.onChange(update.state.doc.toString());
    });
    const label = EditorView.contentAttributes.of({ "aria-label": t.create.cloudInitLabel });
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [basicSetup, yaml(), check, lintGutter(), tell, label, LOOKS],
      }),
    });
    return () => view.destroy();
  }, []);
  return <div ref={place} className={classes.editor} />;
}
