/** asciinema's player, given a recording that is here already: it fetches nothing. */
import * as asciinema from "asciinema-player";
import "asciinema-player/dist/bundle/asciinema-player.css";
import { useEffect, useRef } from "react";
import { t } from "@/strings";
import classes from "./Player.module.css";

/** Longer pauses are shortened to this: nobody watches somebody think. */
const MOST_IDLE_S = 3;

export function Player({ cast }: { cast: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    const player = asciinema.create({ data: cast }, place.current, {
      fit: "both",
      controls: true,
      preload: true,
      poster: "npt:0:01",
      idleTimeLimit: MOST_IDLE_S,
      terminalFontFamily: "'JetBrains Mono Variable', monospace",
      theme: "asciinema",
    });
    return () => player.dispose();
  }, [cast]);
  return <section ref={place} className={classes.player} aria-label={t.recordings.player} />;
}
