/**
 * Every value of a header, in the order sent. Node's `headers` keeps one of many for some names, and its `headersDistinct` would sort all headers
 * into an object to tell.
 *
 * @param rawHeaders names and values in turn, as a request has them
 * @param name in lower case
 */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && isCalled(rawHeaders[index - 1] ?? '', name));
}

function isCalled(header: string, name: string): boolean {
  return header.length === name.length && header.toLowerCase() === name;
}
