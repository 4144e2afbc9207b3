"""Peer (a): the same page as a Python team would build it today, and the bare INSERT beside it."""

import base64
import json
import os
import uuid
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import ForeignKey, func, or_, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=int(os.environ["POOL_SIZE"]),
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: TIMESTAMP(timezone=True)}


class Principal(Base):
    __tablename__ = "principals"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    display_name: Mapped[str]


class Asset(Base):
    __tablename__ = "assets"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Grant(Base):
    __tablename__ = "grants"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    principal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("principals.id"))
    asset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("assets.id"))
    permission: Mapped[str]
    privilege: Mapped[str]
    status: Mapped[str]
    expires_at: Mapped[datetime | None]


class Score(Base):
    __tablename__ = "scores"
    grant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("grants.id"), primary_key=True)
    sensitivity: Mapped[str]
    band: Mapped[str]
    recommendation: Mapped[str]
    score: Mapped[float]
    priority: Mapped[float]
    next_band_at: Mapped[datetime | None]
    model_version: Mapped[str]
    computed_at: Mapped[datetime]


class ScoreOut(BaseModel):
    model_config = ConfigDict(from_attributes=True, alias_generator=to_camel, populate_by_name=True)
    grant_id: uuid.UUID
    principal_id: uuid.UUID
    principal_name: str
    asset_id: uuid.UUID
    asset_name: str
    permission: str
    privilege: str
    sensitivity: str
    score: Annotated[float, Field(ge=0, le=100)]
    priority: Annotated[float, Field(ge=0, le=100)]
    band: str
    recommendation: str
    model_version: str
    computed_at: datetime
    next_band_at: datetime | None


class ScorePage(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    items: list[ScoreOut]
    next_cursor: str | None


@asynccontextmanager
async def lifespan(_app: FastAPI):
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session():
    async with sessions() as open_session:
        yield open_session


@app.get("/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/scores")
async def list_scores(
    db: Annotated[AsyncSession, Depends(session)],
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ScorePage:
    query = (
        select(
            Score.grant_id,
            Grant.principal_id,
            Principal.display_name.label("principal_name"),
            Grant.asset_id,
            Asset.name.label("asset_name"),
            Grant.permission,
            Grant.privilege,
            Score.sensitivity,
            Score.score,
            Score.priority,
            Score.band,
            Score.recommendation,
            Score.model_version,
            Score.computed_at,
            Score.next_band_at,
        )
        .join(Grant, Grant.id == Score.grant_id)
        .join(Principal, Principal.id == Grant.principal_id)
        .join(Asset, Asset.id == Grant.asset_id)
        .where(Grant.status == "active", or_(Grant.expires_at.is_(None), Grant.expires_at > func.now()))
        .order_by(Score.priority.desc(), Score.grant_id.desc())
        .limit(limit + 1)
    )
    rows = (await db.execute(query)).all()
    items = []
    for row in rows[:limit]:
        item = ScoreOut.model_validate(row)
        item.score, item.priority = round(item.score, 2), round(item.priority, 2)
        items.append(item)
    cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        cursor = base64.urlsafe_b64encode(json.dumps([last.priority, str(last.grant_id)]).encode()).decode()
    return ScorePage(items=items, next_cursor=cursor)
