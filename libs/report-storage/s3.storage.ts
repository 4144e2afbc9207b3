import { UnavailableError } from '#libs/errors/errors.js';
import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Readable } from 'node:stream';
import { Measured } from './measured.js';
import { type ByteRange, checkKey, FileMissingError, type ReportStorage, type StoredFile } from './report-storage.js';

/** How much of a file one request carries, and how many are under way: together what an upload holds in memory. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_UNDER_WAY = 2;

/** Where a bucket is; credentials come the SDK's ordinary ways (environment, files, the machine's role). */
export interface S3Location {
  bucket: string;
  /** Before every key, with a slash at its end; empty where files lie at the top. */
  prefix: string;
  region: string;
  /** Of a server that is not Amazon's. */
  endpoint: string | null;
}

/** Objects in a bucket of Amazon S3, or of a server that speaks as it does. */
export class S3Storage implements ReportStorage {
  private readonly client: S3Client;

  constructor(private readonly location: S3Location) {
    const { region, endpoint } = location;
    this.client = new S3Client({
      region,
      // A server of one's own seldom has a host name for each bucket.
      ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
      // Servers that know no checksums in trailers are still common.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  /** An object appears when its last part is in. What breaks off is taken back; of a process that died, the bucket's lifecycle rule does. */
  async write(key: string, source: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const measured = new Measured(source);
    const body = Readable.from(measured, { objectMode: false, highWaterMark: 1024 * 1024 });
    const upload = new Upload({
      client: this.client,
      params: { ...this.object(key), Body: body },
      partSize: PART_BYTES,
      queueSize: PARTS_UNDER_WAY,
    });
    try {
      await upload.done();
    } finally {
      body.destroy();
    }
    return measured.result();
  }

  async open(key: string, range?: ByteRange): Promise<Readable> {
    const part = { ...this.object(key), ...(range && { Range: `bytes=${range.start}-${range.end}` }) };
    try {
      const { Body } = await this.client.send(new GetObjectCommand(part));
      return Body as Readable;
    } catch (error) {
      if (error instanceof NoSuchKey) throw new FileMissingError(key, { cause: error });
      throw new UnavailableError('The storage of reports cannot be read for the moment.', { cause: error });
    }
  }

  async remove(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand(this.object(key)));
  }

  close(): void {
    this.client.destroy();
  }

  private object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.location.bucket, Key: `${this.location.prefix}${checkKey(key)}` };
  }
}
