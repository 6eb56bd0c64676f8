/** Where BMCs differ from the standard or from each other. Each is known of real firmware, named beside it. */
export const BMC_QUIRKS = [
  // Identity.
  'sku-is-service-tag', // Dell: the chassis' number stands in SKU, SerialNumber is the board's
  'swapped-uuid', // Supermicro X11 before BIOS 4.0: the first three fields of the UUID are swapped
  'reversed-guid', // IPMI's GUID in the order of its own specification, last byte first
  'no-nics', // Cisco UCS-B and -X: the list of Ethernet interfaces is empty
  'parts-after-post', // processors, memory, drives and cards are unknown until the machine was on once
  'second-system', // NVIDIA HGX: two systems, of which only one is the machine
  // Power.
  'conflict-when-already', // Dell: 409 for On when it is on, where others say 204
  'refuses-during-post', // HPE: no change of boot or BIOS while the machine tests itself
  'action-info-only', // OpenBMC: the allowed values of an action stand in its ActionInfo alone
  'no-force-off', // derivatives of OpenBMC: ForceOff is missing
  'wants-empty-body', // iLO, iDRAC: an action without parameters still wants the body {}
  'reset-is-task', // 202 and a monitor where others have done it when they answer
  'graceful-manager-reset', // Dell: its manager takes GracefulRestart alone
  // Boot override.
  'boot-in-settings', // AMI: Boot is changed at the settings object, where its allowed values stand too
  'whole-boot-object', // AMI, ASRock Rack: Enabled, Target and Mode all or 400
  'no-boot-mode', // HPE DL160, Supermicro X10: BootSourceOverrideMode is missing and refused
  'keeps-legacy', // AMI, Supermicro: takes UEFI with 200 and keeps Legacy
  'once-only', // Lenovo XCC: Once or Disabled, never Continuous
  'no-http-boot', // UefiHttp is no allowed value
  'patch-200-with-errors', // says 200 with an error beside the property that it did not take
  // ETags, headers, paths.
  'weak-etags', // AMI, Gigabyte: ETags are weak, and the weak form is refused in If-Match
  'wants-if-match', // 428 without If-Match
  'no-if-match-on-actions', // iDRAC: 412 when an action has If-Match
  'no-etags', // no ETag at all
  'redirects-to-slash', // iLO: 308 to the path with a slash at its end
  'absolute-location', // Location is a whole URL
  'no-session-location', // Location of a new session is missing
  'extended-info-object', // iDRAC: ExtendedInfo is one object instead of a list
  'html-errors', // errors of the web server are XHTML
  'no-expand', // OpenBMC: no $expand
  'pages', // collections come three members at a time
  'basic-only', // iDRAC8: 405 for a login
  'no-basic', // refuses Basic authentication
  // Settings.
  'bios-needs-apply-time', // Dell: a BIOS change without ApplyTime stays a wish
  'jobs-appear-late', // Dell: a task says New, and is 404 at first
  'indicator-led', // IndicatorLED only, LocationIndicatorActive is missing
  'drives-without-state', // HPE: Status.State of a drive is missing
  'legacy-power', // Chassis Power only, no EnvironmentMetrics
  // IPMI.
  'no-suite-17', // old firmware: nothing newer than cipher suite 3
  'offers-suite-0', // offers the suite that never checks a password, and takes it
  'hides-cipher-suites', // never answers Get Channel Cipher Suites
  'no-set-in-progress', // refuses boot option 0
  'no-info-acknowledge', // OpenBMC: boot options 3 and 4 are refused
  'efi-disk-24', // Supermicro: the disk's selector under UEFI is 24h, not 08h
  'drops-efi-flag', // takes the EFI bit and reads back without it
] as const;
export type BmcQuirk = (typeof BMC_QUIRKS)[number];

/** A maker's BMC: how it names itself, and what is odd about it. */
export type BmcProfile = {
  /** ServiceRoot.Vendor, which is the firmware's maker. */
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly redfishVersion: string;
  readonly systemId: string;
  readonly managerId: string;
  readonly chassisId: string;
  /** IANA enterprise number. */
  readonly iana: number;
  readonly sessions: number;
  readonly sessionSeconds: number;
  /** Message key of its maker when no session is free. */
  readonly sessionLimitMessage: string;
  readonly quirks: readonly BmcQuirk[];
};

const PLAIN: BmcProfile = {
  vendor: 'Ingot',
  product: 'Simulated BMC',
  version: '1.0.0',
  redfishVersion: '1.18.0',
  systemId: '1',
  managerId: '1',
  chassisId: '1',
  iana: 0,
  sessions: 16,
  sessionSeconds: 1800,
  sessionLimitMessage: 'Base.1.18.SessionLimitExceeded',
  quirks: [],
};

export const BMC_PROFILES = {
  plain: PLAIN,
  'dell-idrac': {
    ...PLAIN,
    vendor: 'Dell',
    product: 'Integrated Dell Remote Access Controller',
    version: '7.10.30.00',
    systemId: 'System.Embedded.1',
    managerId: 'iDRAC.Embedded.1',
    chassisId: 'System.Embedded.1',
    iana: 674,
    sessions: 8,
    sessionLimitMessage: 'IDRAC.2.8.RAC0218',
    quirks: [
      'sku-is-service-tag',
      'conflict-when-already',
      'graceful-manager-reset',
      'wants-empty-body',
      'no-if-match-on-actions',
      'extended-info-object',
      'bios-needs-apply-time',
      'jobs-appear-late',
      'reversed-guid',
    ],
  },
  'hpe-ilo': {
    ...PLAIN,
    vendor: 'HPE',
    product: 'Integrated Lights-Out 5',
    version: 'iLO 5 v3.05',
    iana: 47196,
    quirks: [
      'refuses-during-post',
      'wants-empty-body',
      'redirects-to-slash',
      'absolute-location',
      'drives-without-state',
    ],
  },
  supermicro: {
    ...PLAIN,
    vendor: 'Supermicro',
    product: 'Supermicro BMC',
    version: '01.74.09',
    iana: 10876,
    quirks: ['swapped-uuid', 'no-boot-mode', 'no-http-boot', 'indicator-led', 'legacy-power', 'efi-disk-24', 'pages'],
  },
  'lenovo-xcc': {
    ...PLAIN,
    vendor: 'Lenovo',
    product: 'Lenovo XClarity Controller',
    version: '9.10',
    iana: 19046,
    quirks: ['once-only', 'wants-if-match'],
  },
  ami: {
    ...PLAIN,
    vendor: 'AMI',
    product: 'AMI MegaRAC',
    version: '13.06',
    systemId: 'Self',
    managerId: 'Self',
    chassisId: 'Self',
    iana: 15370,
    quirks: ['boot-in-settings', 'whole-boot-object', 'weak-etags', 'wants-if-match'],
  },
  openbmc: {
    ...PLAIN,
    vendor: 'OpenBMC',
    product: 'OpenBMC',
    version: '2.18.0',
    systemId: 'system',
    managerId: 'bmc',
    chassisId: 'chassis',
    iana: 49871,
    quirks: ['action-info-only', 'no-expand', 'no-info-acknowledge'],
  },
} as const satisfies Record<string, BmcProfile>;
export type BmcProfileName = keyof typeof BMC_PROFILES;
export const BMC_PROFILE_NAMES = Object.keys(BMC_PROFILES) as readonly BmcProfileName[];
