-- One index for each way in which rows are read. An id makes the order total, so that pages can go on after a row.

-- The browser app: a user's signals, newest first; also of one symbol, one trader, one status.
create index if not exists trademind_signals_newest on public.signals (user_id, created_at desc, id desc);
create index if not exists trademind_signals_bar on public.signals (user_id, "timestamp" desc, id desc);
create index if not exists trademind_signals_symbol on public.signals (user_id, symbol, created_at desc, id desc);
create index if not exists trademind_signals_trader on public.signals (trader_id, created_at desc, id desc);
create index if not exists trademind_signals_status on public.signals (user_id, status, created_at desc, id desc);
-- What deleting a machine looks for.
create index if not exists trademind_signals_machine on public.signals (machine_id);

create index if not exists trademind_analyses_signal on public.signal_analyses (signal_id, created_at desc);
create index if not exists trademind_analyses_newest on public.signal_analyses (user_id, created_at desc, id desc);
create index if not exists trademind_analyses_trader on public.signal_analyses (trader_id);

-- The machine: which traders there are and what has changed.
create index if not exists trademind_traders_user on public.traders (user_id, id);
create index if not exists trademind_traders_changed on public.traders (updated_at, id);

create index if not exists trademind_errors_newest on public.trader_errors (user_id, last_seen desc, id desc);
create index if not exists trademind_errors_trader on public.trader_errors (trader_id, last_seen desc);

-- Newest first, and oldest first for retention.
create index if not exists trademind_metrics_newest on public.cloud_metrics (machine_id, recorded_at desc);
create index if not exists trademind_metrics_age on public.cloud_metrics (recorded_at);
create index if not exists trademind_events_newest on public.cloud_events (user_id, created_at desc, id desc);
create index if not exists trademind_events_machine on public.cloud_events (machine_id, created_at desc);
create index if not exists trademind_events_age on public.cloud_events (created_at);
create index if not exists trademind_costs_newest on public.cloud_costs (user_id, period_start desc);
create index if not exists trademind_costs_machine on public.cloud_costs (machine_id);
