-- trademind's tables. Every migration here adds and may be run again: on an empty project it makes everything, on the
-- tables of the earlier machine (same names) it adds what they lack and renames, drops and rewrites nothing.
--
-- So a table is made with its key alone and its columns are added one by one. Those that an older table may lack carry
-- no NOT NULL without a default: its rows have no value for them.

create schema if not exists trademind; -- what policies and triggers call; not exposed by the API
grant usage on schema trademind to anon, authenticated, service_role;

-- ---- users ----

create table if not exists public.user_subscriptions (id uuid primary key default gen_random_uuid());
alter table public.user_subscriptions
    add column if not exists user_id uuid not null unique references auth.users (id) on delete cascade,
    add column if not exists tier text not null default 'free',
    add column if not exists status text not null default 'active',
    add column if not exists started_at timestamptz default now(),
    add column if not exists expires_at timestamptz,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

-- ---- traders ----

create table if not exists public.traders (id uuid primary key default gen_random_uuid());
alter table public.traders
    add column if not exists user_id uuid references auth.users (id) on delete cascade, -- null: built in
    add column if not exists name text not null,
    add column if not exists description text not null default '',
    add column if not exists enabled boolean not null default true,
    add column if not exists mode text not null default 'demo',
    add column if not exists exchange_config jsonb,
    add column if not exists filter jsonb not null, -- {"code": a Lua trader, ...}
    add column if not exists strategy jsonb not null default '{}',
    add column if not exists metrics jsonb not null default '{}',
    add column if not exists execution_interval text default '5m',
    add column if not exists last_execution timestamptz,
    add column if not exists execution_count integer default 0,
    add column if not exists ownership_type text not null default 'user',
    add column if not exists access_tier text not null default 'elite',
    add column if not exists is_built_in boolean not null default false,
    add column if not exists category text,
    add column if not exists admin_notes text,
    add column if not exists difficulty text,
    add column if not exists cloud_config jsonb default
        '{"enabledInCloud": false, "notifyOnSignal": true, "notifyOnAnalysis": true}',
    add column if not exists default_enabled boolean not null default false,
    add column if not exists language text default 'lua',
    add column if not exists auto_analyze_signals boolean not null default false,
    add column if not exists auto_execute_trades boolean not null default false,
    add column if not exists inputs jsonb,  -- values of the script's inputs
    add column if not exists error text,    -- why the machine cannot run it; null: it can
    add column if not exists version integer not null default 1,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

-- ---- machines ----

create table if not exists public.cloud_machines (id uuid primary key default gen_random_uuid());
alter table public.cloud_machines
    add column if not exists user_id uuid not null unique references auth.users (id) on delete cascade,
    add column if not exists machine_id text not null unique,
    add column if not exists region text not null default 'sin',
    add column if not exists status text not null default 'provisioning',
    add column if not exists cpus integer not null default 1,
    add column if not exists memory_mb integer not null default 256,
    add column if not exists websocket_url text,
    add column if not exists health_check_url text,
    add column if not exists provisioned_at timestamptz,
    add column if not exists started_at timestamptz,
    add column if not exists stopped_at timestamptz,
    add column if not exists last_health_check timestamptz, -- the heartbeat
    add column if not exists error_message text,
    add column if not exists error_count integer not null default 0,
    add column if not exists fly_app_name text,
    add column if not exists fly_machine_version text,
    add column if not exists fly_machine_id text,
    add column if not exists lease_owner text, -- the one process that acts for the user, until lease_until
    add column if not exists lease_until timestamptz,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

create table if not exists public.cloud_metrics (id uuid primary key default gen_random_uuid());
alter table public.cloud_metrics
    add column if not exists machine_id uuid not null references public.cloud_machines (id) on delete cascade,
    add column if not exists cpu_usage_vcpus numeric(4, 2),
    add column if not exists memory_used_mb integer,
    add column if not exists memory_total_mb integer,
    add column if not exists active_signals integer default 0,
    add column if not exists analysis_queue_depth integer default 0,
    add column if not exists websocket_latency_ms integer,
    add column if not exists filter_execution_time_ms integer,
    add column if not exists ai_analysis_time_ms integer,
    add column if not exists signals_created_count integer default 0,
    add column if not exists analyses_completed_count integer default 0,
    add column if not exists errors_count integer default 0,
    add column if not exists recorded_at timestamptz not null default now(),
    add column if not exists recorded_date date default current_date;

create table if not exists public.cloud_events (id uuid primary key default gen_random_uuid());
alter table public.cloud_events
    add column if not exists machine_id uuid not null references public.cloud_machines (id) on delete cascade,
    add column if not exists user_id uuid not null references auth.users (id) on delete cascade,
    add column if not exists event_type text not null,
    add column if not exists severity text not null default 'info',
    add column if not exists message text not null,
    add column if not exists details jsonb,
    add column if not exists created_at timestamptz not null default now();

create table if not exists public.cloud_costs (id uuid primary key default gen_random_uuid());
alter table public.cloud_costs
    add column if not exists user_id uuid not null references auth.users (id) on delete cascade,
    add column if not exists machine_id uuid references public.cloud_machines (id) on delete set null,
    add column if not exists vcpu_hours numeric(10, 4) not null default 0,
    add column if not exists cost_per_vcpu_hour numeric(10, 4) not null default 0.02,
    add column if not exists total_cost_usd numeric(12, 6) not null default 0,
    add column if not exists period_start timestamptz not null,
    add column if not exists period_end timestamptz not null,
    add column if not exists region text,
    add column if not exists created_at timestamptz not null default now();

-- ---- signals ----

create table if not exists public.signals (id uuid primary key default gen_random_uuid());
alter table public.signals
    add column if not exists user_id uuid references auth.users (id) on delete cascade,
    add column if not exists trader_id uuid not null references public.traders (id) on delete cascade,
    add column if not exists symbol text not null,
    add column if not exists "interval" text,
    add column if not exists "timestamp" timestamptz, -- open time of the bar
    add column if not exists price numeric,
    add column if not exists price_at_signal numeric,
    add column if not exists change_percent_at_signal numeric,
    add column if not exists volume_at_signal numeric,
    add column if not exists count integer default 1,
    add column if not exists matched_conditions jsonb default '[]',
    add column if not exists status text not null default 'new',
    add column if not exists source text not null default 'local',
    add column if not exists machine_id uuid references public.cloud_machines (id) on delete set null,
    add column if not exists indicator_data jsonb,
    add column if not exists metadata jsonb default '{}',
    add column if not exists closed_at timestamptz,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

create table if not exists public.signal_analyses (id uuid primary key default gen_random_uuid());
alter table public.signal_analyses
    add column if not exists signal_id uuid not null references public.signals (id) on delete cascade,
    add column if not exists trader_id uuid not null references public.traders (id) on delete cascade,
    add column if not exists user_id uuid not null references auth.users (id) on delete cascade,
    add column if not exists decision text not null,
    add column if not exists confidence numeric(5, 2) not null,
    add column if not exists reasoning text not null,
    add column if not exists key_levels jsonb not null default '{}',
    add column if not exists trade_plan jsonb not null default '{}',
    add column if not exists technical_indicators jsonb,
    add column if not exists raw_ai_response text,
    add column if not exists analysis_latency_ms integer,
    add column if not exists gemini_tokens_used integer,
    add column if not exists model_name text,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

create table if not exists public.trader_errors (id uuid primary key default gen_random_uuid());
alter table public.trader_errors
    add column if not exists user_id uuid not null references auth.users (id) on delete cascade,
    add column if not exists trader_id uuid not null references public.traders (id) on delete cascade,
    add column if not exists trader text,
    add column if not exists kind text not null,
    add column if not exists symbol text,
    add column if not exists bar timestamptz, -- open time
    add column if not exists message text not null,
    add column if not exists line integer,
    add column if not exists trace text,
    add column if not exists code_hash text not null,
    add column if not exists count bigint not null default 1,
    add column if not exists first_seen timestamptz not null default now(),
    add column if not exists last_seen timestamptz not null default now(),
    add column if not exists resolved_at timestamptz;
