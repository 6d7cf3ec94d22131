/** A button that leads to a page. */
import { Button } from "@mantine/core";
import { createLink } from "@tanstack/react-router";

export const LinkButton = createLink(Button<"a">);
