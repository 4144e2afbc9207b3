import 'reflect-metadata';
import { ClassSerializerInterceptor, Controller, Get, Injectable, Module, Query, ValidationPipe } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { Exclude, Expose, Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { Column, DataSource, Entity, JoinColumn, ManyToOne, OneToOne, PrimaryColumn, type Relation } from 'typeorm';
import { cursorAfter, DATABASE_URL, POOL_SIZE, PORT } from './peer-settings.js';

/* Peer (c): Nest with TypeORM's `getMany` and class-transformer, as most Nest code is written. No authentication and no log. */

@Entity('principals')
class Principal {
  @PrimaryColumn('uuid') id: string;
  @Column({ name: 'display_name', type: 'text' }) displayName: string;
}

@Entity('assets')
class Asset {
  @PrimaryColumn('uuid') id: string;
  @Column({ type: 'text' }) name: string;
}

@Entity('grants')
class Grant {
  @PrimaryColumn('uuid') id: string;
  @ManyToOne(() => Principal) @JoinColumn({ name: 'principal_id' }) principal: Relation<Principal>;
  @ManyToOne(() => Asset) @JoinColumn({ name: 'asset_id' }) asset: Relation<Asset>;
  @Column({ type: 'text' }) permission: string;
  @Column({ type: 'text' }) privilege: string;
  @Column({ type: 'text' }) status: string;
  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true }) expiresAt: Date | null;
}

@Entity('scores')
class Score {
  @PrimaryColumn({ name: 'grant_id', type: 'uuid' }) grantId: string;
  @OneToOne(() => Grant) @JoinColumn({ name: 'grant_id' }) grant: Relation<Grant>;
  @Column({ type: 'text' }) sensitivity: string;
  @Column({ type: 'text' }) band: string;
  @Column({ type: 'text' }) recommendation: string;
  @Column({ type: 'double precision' }) score: number;
  @Column({ type: 'double precision' }) priority: number;
  @Column({ name: 'next_band_at', type: 'timestamptz', nullable: true }) nextBandAt: Date | null;
  @Column({ name: 'model_version', type: 'text' }) modelVersion: string;
  @Column({ name: 'computed_at', type: 'timestamptz' }) computedAt: Date;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

@Exclude()
class ScoreDto {
  @Expose() grantId: string;
  @Expose() principalId: string;
  @Expose() principalName: string;
  @Expose() assetId: string;
  @Expose() assetName: string;
  @Expose() permission: string;
  @Expose() privilege: string;
  @Expose() sensitivity: string;
  @Expose() score: number;
  @Expose() priority: number;
  @Expose() band: string;
  @Expose() recommendation: string;
  @Expose() modelVersion: string;
  @Expose() computedAt: Date;
  @Expose() nextBandAt: Date | null;

  constructor({ grant, ...score }: Score) {
    const { principal, asset, permission, privilege } = grant;
    Object.assign(this, score, { permission, privilege, principalId: principal.id, principalName: principal.displayName });
    Object.assign(this, { assetId: asset.id, assetName: asset.name, score: rounded(score.score), priority: rounded(score.priority) });
  }
}

class ScorePageDto {
  @Type(() => ScoreDto) items: ScoreDto[];
  nextCursor: string | null;

  constructor(page: { items: ScoreDto[]; nextCursor: string | null }) {
    Object.assign(this, page);
  }
}

class ListScoresDto {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit = 50;
}

@Injectable()
class ScoresService {
  constructor(private readonly source: DataSource) {}

  async list({ limit }: ListScoresDto): Promise<ScorePageDto> {
    const rows = await this.source
      .getRepository(Score)
      .createQueryBuilder('s')
      .innerJoinAndSelect('s.grant', 'g')
      .innerJoinAndSelect('g.principal', 'p')
      .innerJoinAndSelect('g.asset', 'a')
      .where(`g.status = 'active' AND (g.expiresAt IS NULL OR g.expiresAt > now())`)
      .orderBy('s.priority', 'DESC')
      .addOrderBy('s.grantId', 'DESC')
      .limit(limit + 1)
      .getMany();
    const items = rows.slice(0, limit);
    const nextCursor = rows.length > limit ? cursorAfter(items[limit - 1]!) : null;
    return new ScorePageDto({ items: items.map((row) => new ScoreDto(row)), nextCursor });
  }
}

@Controller('scores')
class ScoresController {
  constructor(private readonly scores: ScoresService) {}

  @Get()
  list(@Query() query: ListScoresDto): Promise<ScorePageDto> {
    return this.scores.list(query);
  }
}

const source = new DataSource({
  type: 'postgres',
  url: DATABASE_URL,
  entities: [Principal, Asset, Grant, Score],
  poolSize: POOL_SIZE,
});

@Module({
  controllers: [ScoresController],
  providers: [
    ScoresService,
    { provide: DataSource, useFactory: () => source.initialize() },
    { provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor },
  ],
})
class PeerModule {}

const app = await NestFactory.create(PeerModule, { logger: false });
app.useGlobalPipes(new ValidationPipe({ transform: true }));
await app.listen(PORT, '127.0.0.1');
