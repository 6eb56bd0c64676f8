import { readFileSync } from 'node:fs';

// Stands in for the agent where only the image around it is tested.
console.log(`PLACEHOLDER up after ${readFileSync('/proc/uptime', 'utf8').split(' ')[0]} s, pid ${process.pid}`);
setInterval(() => {}, 1 << 30);
