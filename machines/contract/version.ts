/** Of this Ingot, as package.json has it: said by the command line, the API and the page. */
export const VERSION = '0.1.0';
