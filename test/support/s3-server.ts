import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pythonTool } from '../contract/outside-tools.js';
import { eventually } from './eventually.js';
import { freePort } from './postgres-server.js';

const SERVER = 'moto[server]==5.2.5';
const START_TIMEOUT_MS = 60_000;

/** A server that speaks S3, in a process of its own, with one empty bucket. What it holds is gone with it. */
export class S3Server {
  readonly bucket = 'evidence';

  private constructor(
    private readonly child: ChildProcess,
    readonly endpoint: string,
    private readonly client: S3Client,
  ) {}

  /** Null, with one line saying so, where this machine cannot have it; with CI=true that is an error. */
  static async start(): Promise<S3Server | null> {
    const tool = await pythonTool(SERVER);
    if (!tool) return null;
    // The SDK's ordinary way; the server takes any.
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
    const port = await freePort();
    const child = spawn(tool.bin('moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    const endpoint = `http://127.0.0.1:${port}`;
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    const server = new S3Server(child, endpoint, client);
    try {
      await eventually(async () => (await fetch(endpoint)).ok, START_TIMEOUT_MS);
      await client.send(new CreateBucketCommand({ Bucket: server.bucket }));
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** What `API_REPORT_STORAGE_URL` is for it. */
  url(prefix = ''): string {
    return `s3://${this.bucket}/${prefix}?region=us-east-1&endpoint=${this.endpoint}`;
  }

  /** What lies in the bucket, and what is still being uploaded. */
  async contents(): Promise<{ keys: string[]; unfinished: number }> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket: this.bucket }));
    const { Uploads = [] } = await this.client.send(new ListMultipartUploadsCommand({ Bucket: this.bucket }));
    return { keys: Contents.map(({ Key = '' }) => Key), unfinished: Uploads.length };
  }

  async stop(): Promise<void> {
    this.client.destroy();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
