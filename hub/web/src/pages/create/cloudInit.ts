/** Whether user data makes sense, before a VM is made of it; no I/O. */
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { t } from "@/strings";

export const MOST_BYTES = 64 * 1024;
export const HEADER = "#cloud-config";

export interface Problem {
  /** Offsets in the text. */
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly message: string;
  /** A warning lets the VM be made all the same. */
  readonly severity: "error" | "warning";
}

/** Top-level keys of cloud-config, from the reference of cloud-init's modules. */
const KNOWN = new Set(
  `ansible apk_repos apt apt_pipelining apt_reboot_if_required apt_update apt_upgrade autoinstall bootcmd
  byobu_by_default ca_certs ca-certs chef chpasswd cloud_config_modules cloud_final_modules cloud_init_modules
  create_hostname_file datasource datasource_list debug device_aliases disable_ec2_metadata disable_root
  disable_root_opts disk_setup drivers fan final_message fqdn fs_setup groups growpart grub_dpkg grub-dpkg hostname
  install_hotplug keyboard landscape launch-index locale locale_configfile lxd manage_etc_hosts manage_resolv_conf
  mcollective merge_how merge_type migrate mount_default_fields mounts network no_ssh_fingerprints ntp output
  package_reboot_if_required package_update package_upgrade packages password phone_home power_state
  prefer_fqdn_over_hostname preserve_hostname puppet random_seed reporting resize_rootfs resolv_conf rh_subscription
  rpi rsyslog runcmd salt_minion snap spacewalk ssh ssh_authorized_keys ssh_deletekeys ssh_fp_console_blacklist
  ssh_genkeytypes ssh_import_id ssh_key_console_blacklist ssh_keys ssh_publish_hostkeys ssh_pwauth
  ssh_quiet_keygen swap system_info timezone ubuntu_advantage ubuntu_pro updates user users vendor_data version
  wireguard write_files yum_repo_dir yum_repos zypper`.split(/\s+/),
);

export function problemsOf(text: string): Problem[] {
  if (text.trim() === "") return [];
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (
    from: number,
    to: number,
    message: string,
    severity: Problem["severity"],
  ): Problem => {
    const start = Math.min(from, text.length);
    return {
      from: start,
      to: Math.min(Math.max(to, start), text.length),
      line: lines.linePos(start).line || 1,
      message,
      severity,
    };
  };
  const found = document.errors.map(({ pos, message }) => at(pos[0], pos[1], message, "error"));
  if (new TextEncoder().encode(text).length > MOST_BYTES) {
    found.push(at(0, 0, t.create.cloudInitLong, "error"));
  }
  if (!text.startsWith(HEADER))
    found.push(at(0, text.indexOf("\n"), t.create.cloudInitHeader, "error"));
  const { contents } = document;
  if (found.length > 0 || contents === null) return found;
  if (!isMap(contents))
    return [
      at(contents.range?.[0] ?? 0, contents.range?.[1] ?? 0, t.create.cloudInitNotMap, "error"),
    ];
  return contents.items.flatMap(({ key }) => {
    if (!isScalar(key) || typeof key.value !== "string" || KNOWN.has(key.value)) return [];
    const [from, to] = key.range ?? [0, 0];
    return [at(from, to, t.create.cloudInitUnknown(key.value), "warning")];
  });
}
