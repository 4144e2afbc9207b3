import { Module } from '@nestjs/common';
import { ReportsController } from './reports.controller.js';
import { ReportsRepository } from './reports.repository.js';
import { ReportsService } from './reports.service.js';
import { SchedulesController } from './schedules.controller.js';
import { SchedulesRepository } from './schedules.repository.js';
import { SchedulesService } from './schedules.service.js';

@Module({
  // The fixed addresses first: `/reports/schedules` is not the report of that id.
  controllers: [SchedulesController, ReportsController],
  providers: [ReportsService, ReportsRepository, SchedulesService, SchedulesRepository],
})
export class ReportsModule {}
