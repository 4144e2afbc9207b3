import type { Config } from '#libs/config/config.js';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { openStorage } from './open-storage.js';
import { REPORT_STORAGE, type ReportStorage } from './report-storage.js';

/** The storage that the configuration names, for whoever injects `REPORT_STORAGE`. */
@Global()
@Module({
  providers: [
    {
      provide: REPORT_STORAGE,
      useFactory: (config: ConfigService<Config, true>) => openStorage(config.get('reportStorageUrl', { infer: true })),
      inject: [ConfigService],
    },
  ],
  exports: [REPORT_STORAGE],
})
export class ReportStorageModule implements OnApplicationShutdown {
  constructor(@Inject(REPORT_STORAGE) private readonly storage: ReportStorage) {}

  onApplicationShutdown(): void {
    this.storage.close();
  }
}
