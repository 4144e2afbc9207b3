/** SQL for a score or priority as the API shows it: to the last bit what `roundToCents` of the decay model answers. */
export const toCents = (column: string): string => `(floor(${column} * 100 + 0.500000000005::float8) / 100)`;
