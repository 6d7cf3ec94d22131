/** How the page looks: calm, dense, and one accent colour. States have the colours of `styles.css`. */
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  Menu,
  Modal,
  NavLink,
  Notification,
  Paper,
  PasswordInput,
  Select,
  Skeleton,
  Table,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { t } from "./strings";

const dialog = {
  closeButtonProps: { "aria-label": t.actions.close },
  styles: { title: { fontWeight: 600, overflowWrap: "anywhere" } },
} as const;

export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  primaryColor: "brand",
  primaryShade: 6,
  colors: {
    brand: [
      "#eef1ff",
      "#dde2fd",
      "#b9c3f8",
      "#93a1f3",
      "#7485ee",
      "#6073ea",
      "#4659d6",
      "#3b4cbd",
      "#3140a0",
      "#273484",
    ],
    dark: [
      "#d5d8de",
      "#b6bbc5",
      "#949aa7",
      "#6d7380",
      "#454a55",
      "#33373f",
      "#24272d",
      "#1a1c21",
      "#141619",
      "#0e0f12",
    ],
  },
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.25rem" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.25rem", lineHeight: "1.4" },
      h2: { fontSize: "0.9375rem", lineHeight: "1.5" },
      h3: { fontSize: "0.8125rem", lineHeight: "1.5" },
    },
  },
  defaultRadius: "md",
  radius: { sm: "4px", md: "6px", lg: "10px" },
  cursorType: "pointer",
  focusRing: "auto",
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray" } }),
    Alert: Alert.extend({ defaultProps: { variant: "light" } }),
    Badge: Badge.extend({ defaultProps: { variant: "light", tt: "none", fw: 500 } }),
    Button: Button.extend({ defaultProps: { size: "sm", fw: 500 } }),
    Menu: Menu.extend({ defaultProps: { shadow: "md", width: 200, position: "bottom-end" } }),
    Drawer: Drawer.extend({ defaultProps: { ...dialog, position: "right", size: "lg" } }),
    Modal: Modal.extend({ defaultProps: { ...dialog, centered: true, radius: "lg" } }),
    NavLink: NavLink.extend({ defaultProps: { variant: "light" } }),
    Notification: Notification.extend({
      defaultProps: { closeButtonProps: { "aria-label": t.actions.close } },
    }),
    Paper: Paper.extend({ defaultProps: { withBorder: true, radius: "lg" } }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: "sm" } }),
    Select: Select.extend({ defaultProps: { size: "sm" } }),
    Skeleton: Skeleton.extend({ defaultProps: { radius: "md" } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: "xs" } }),
    TextInput: TextInput.extend({ defaultProps: { size: "sm" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300, withArrow: true } }),
  },
});

/** Quiet text keeps the contrast that WCAG asks for, on the page's own greys too. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#ffffff",
    "--mantine-color-dimmed": "#5c626e",
    "--mantine-color-default-border": "#e3e5ea",
  },
  dark: {
    "--mantine-color-body": "#141619",
    "--mantine-color-dimmed": "#9ba1ad",
    "--mantine-color-default-border": "#2b2f36",
  },
});
