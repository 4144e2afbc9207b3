import { LocalStorage } from './local.storage.js';
import type { ReportStorage } from './report-storage.js';
import { parseStorageUrl } from './storage-location.js';

/** The storage that a URL of the configuration names. Nothing is asked of it yet. */
export async function openStorage(url: string): Promise<ReportStorage> {
  const location = parseStorageUrl(url);
  if (location.kind === 'local') return new LocalStorage(location.folder);
  // The SDK takes a while to load, and most installations have no use for it.
  const { S3Storage } = await import('./s3.storage.js');
  return new S3Storage(location);
}
