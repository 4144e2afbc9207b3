import { REQUEST_METRICS, RequestMetrics } from '#libs/observability/request-metrics.js';
import { Module } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { MetricsController } from './metrics.controller.js';
import { MetricsService } from './metrics.service.js';

@Module({
  // Registers prom-client's own figures (event-loop lag, memory, garbage collection); its controller gives way to ours, which has roles and a document.
  imports: [{ ...PrometheusModule.register(), controllers: [] }],
  controllers: [MetricsController],
  providers: [MetricsService, ...REQUEST_METRICS],
  exports: [MetricsService, RequestMetrics],
})
export class MetricsModule {}
