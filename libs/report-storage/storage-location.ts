import { fileURLToPath } from 'node:url';
import type { S3Location } from './s3.storage.js';

export type StorageLocation = { kind: 'local'; folder: string } | ({ kind: 's3' } & S3Location);

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^([A-Za-z0-9._-]+\/)*$/;
const S3_PARAMETERS = new Set(['endpoint', 'region']);

/**
 * Where reports are kept, out of a URL: `file:///folder`, or `s3://bucket/prefix?region=…&endpoint=…`.
 *
 * @throws Error whose message says what the URL must be, and does not repeat it
 */
export function parseStorageUrl(value: string): StorageLocation {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol === 'file:') return { kind: 'local', folder: localFolder(url) };
  if (url?.protocol === 's3:') return { kind: 's3', ...s3Location(url) };
  throw new Error('must be file:///folder, or s3://bucket/prefix?region=…');
}

function localFolder(url: URL): string {
  if (url.host !== '' || url.search !== '' || url.hash !== '' || url.pathname.length < 2) {
    throw new Error('must name a folder of this machine: file:///folder');
  }
  return fileURLToPath(url);
}

function s3Location(url: URL): S3Location {
  const { searchParams } = url;
  if (url.username !== '' || url.password !== '') throw new Error('must not hold credentials: they come by AWS_ACCESS_KEY_ID and its like');
  if (url.port !== '' || !BUCKET.test(url.hostname)) throw new Error('must name a bucket: s3://bucket/prefix?region=…');
  const names = [...searchParams.keys()];
  if (url.hash !== '' || names.length !== new Set(names).size || !names.every((name) => S3_PARAMETERS.has(name))) {
    throw new Error('must have no parameters but region and endpoint');
  }
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '').replace(/(?<=.)$/, '/');
  if (!PREFIX.test(prefix)) throw new Error('must have a prefix of letters, digits, dots, dashes and slashes');
  const region = searchParams.get('region') ?? 'us-east-1';
  if (!/^[a-z0-9-]{1,64}$/.test(region)) throw new Error('must have a region such as eu-central-1');
  return { bucket: url.hostname, prefix, region, endpoint: endpointOf(searchParams.get('endpoint')) };
}

function endpointOf(endpoint: string | null): string | null {
  if (endpoint === null) return null;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.search !== '') {
    throw new Error('must have an endpoint that is an http or https URL without credentials');
  }
  return endpoint.replace(/\/+$/, '');
}
