// dependency-cruiser takes aliases from nothing but a webpack configuration. At run time `#libs/…` points into dist; rules are about sources.
const { join } = require('node:path');

module.exports = { resolve: { alias: { '#libs': join(process.cwd(), 'libs'), '#apps': join(process.cwd(), 'apps') } } };
