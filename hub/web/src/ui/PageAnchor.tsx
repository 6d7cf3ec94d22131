/** A line of text that leads to a page. */
import { Anchor } from "@mantine/core";
import { createLink } from "@tanstack/react-router";

export const PageAnchor = createLink(Anchor<"a">);
