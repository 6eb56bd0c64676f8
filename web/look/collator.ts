/** u2 before u10. */
export const collator = new Intl.Collator('en', { numeric: true });
