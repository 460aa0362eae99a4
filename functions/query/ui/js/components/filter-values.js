// The values of filters in a query: lists with commas, in which values may be quoted.

/** Quotes a value if it could be read as a list or lose its spaces. */
export const quoteValue = (value) => (/[,"]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

export const parseValues = (list) =>
  [...list.matchAll(/"((?:[^"]|"")*)"|[^,]+/g)].map(([value, quoted]) => quoted?.replaceAll('""', '"') ?? value);

/** Returns the non-empty parameters of a query with these names. */
export const pickParams = (query, names) =>
  new URLSearchParams(names.map((name) => [name, query.get(name)]).filter(([, value]) => value));
