/** Makers of BMCs by IANA enterprise number, as Get Device ID tells it; short, as they are called. */
const VENDORS: Readonly<Record<number, string>> = {
  2: 'IBM',
  11: 'HP',
  343: 'Intel',
  674: 'Dell',
  2011: 'Huawei',
  2623: 'ASUS',
  4753: 'MontaVista', // ipmi_sim's own choice
  5703: 'NVIDIA',
  5771: 'Cisco',
  6653: 'Tyan',
  7244: 'Quanta',
  10368: 'Fujitsu',
  10876: 'Supermicro',
  15370: 'Gigabyte',
  19046: 'Lenovo',
  20301: 'IBM eServer X',
  20974: 'AMI',
  40092: 'Wiwynn',
  42817: 'IBM Power',
  47196: 'HPE',
  49769: 'YADRO',
  49871: 'OpenBMC',
};

export const SUPERMICRO = 10876;

/** Undefined for 0 and all ones, which say nothing (IPMI v2.0 table 20-2). */
export function vendorName(enterprise: number): string | undefined {
  if (enterprise === 0 || enterprise === 0xfffff) return undefined;
  return VENDORS[enterprise] ?? `enterprise ${enterprise}`;
}
