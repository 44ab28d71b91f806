-- The tables of the earlier machine, as its own migrations leave them (signals.machine_id renamed to fly_app_id), with
-- their triggers, their policies (also the open ones) and a few rows.

create schema net;
create table net.http_request_queue (id bigint generated always as identity primary key, url text, headers jsonb, body jsonb);
create function net.http_post(url text, body jsonb, headers jsonb, timeout_milliseconds integer) returns bigint
language sql as $$ insert into net.http_request_queue (url, headers, body) values (url, headers, body) returning id $$;
grant usage on schema net to anon, authenticated, service_role;
grant all on net.http_request_queue to anon, authenticated, service_role;

create function public.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end $$;

-- ---- users ----

create table public.user_profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text not null,
    display_name text,
    is_admin boolean default false,
    pro_waitlist_joined_at timestamptz,
    subscription_tier text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create table public.user_subscriptions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique references auth.users (id) on delete cascade,
    tier text not null default 'free' check (tier in ('free', 'pro', 'elite')),
    status text not null default 'active' check (status in ('active', 'cancelled', 'past_due')),
    custom_signals_count integer default 0,
    started_at timestamptz default now(),
    expires_at timestamptz,
    stripe_customer_id text,
    stripe_subscription_id text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
alter table public.user_profiles enable row level security;
alter table public.user_subscriptions enable row level security;
create policy "Users can view own profile" on public.user_profiles for select using (auth.uid() = id);
create policy "Users can view own subscription" on public.user_subscriptions for select using (auth.uid() = user_id);

create function public.handle_new_user() returns trigger language plpgsql security definer as $$
begin
    insert into public.user_profiles (id, email) values (new.id, new.email);
    insert into public.user_subscriptions (user_id, tier) values (new.id, 'free');
    return new;
end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();

-- ---- traders ----

create table public.traders (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    description text not null,
    enabled boolean default true,
    mode text default 'demo' check (mode in ('demo', 'live')),
    exchange_config jsonb,
    filter jsonb not null,
    strategy jsonb not null,
    metrics jsonb not null default '{}',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    execution_interval text default '5m',
    last_execution timestamptz,
    execution_count integer default 0,
    user_id uuid references auth.users (id) on delete cascade,
    ownership_type text default 'user' check (ownership_type in ('system', 'user')),
    access_tier text default 'elite' check (access_tier in ('anonymous', 'free', 'pro', 'elite')),
    is_built_in boolean default false,
    category text,
    admin_notes text,
    difficulty text check (difficulty in ('beginner', 'intermediate', 'advanced')),
    version integer default 1,
    cloud_config jsonb default '{"enabledInCloud": false, "notifyOnSignal": true, "notifyOnAnalysis": true}',
    default_enabled boolean default false,
    language text not null default 'javascript' check (language in ('javascript', 'go')),
    auto_analyze_signals boolean default false,
    auto_execute_trades boolean default false
);
alter table public.traders enable row level security;

create function public.increment_trader_version() returns trigger language plpgsql as $$
begin
    new.version = old.version + 1;
    return new;
end $$;
create trigger update_traders_updated_at before update on public.traders for each row execute function public.update_updated_at_column();
create trigger increment_trader_version before update on public.traders for each row execute function public.increment_trader_version();

create policy "Select own or built-in by tier" on public.traders for select using (
    auth.uid() = user_id or (user_id is null and access_tier = 'anonymous') or (user_id is null and exists (
        select 1 from public.user_subscriptions s where s.user_id = auth.uid() and s.status = 'active'
        and (s.tier = 'elite' or (s.tier = 'pro' and access_tier in ('free', 'pro')) or (s.tier = 'free' and access_tier = 'free')))));
create policy "Insert by tier" on public.traders for insert with check (auth.uid() = user_id and exists (
    select 1 from public.user_subscriptions s where s.user_id = auth.uid()
    and (s.tier = 'elite' or (s.tier = 'pro' and s.custom_signals_count < 10))));
create policy "Update own" on public.traders for update using (auth.uid() = user_id);
create policy "Delete own" on public.traders for delete using (auth.uid() = user_id);

-- ---- machines ----

create table public.cloud_machines (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique references auth.users (id) on delete cascade,
    machine_id text not null unique,
    region text not null default 'sin' check (region in ('sin', 'iad', 'fra')),
    status text not null default 'provisioning' check (status in ('provisioning', 'starting', 'running', 'stopping', 'stopped', 'error')),
    cpus integer not null default 1 check (cpus >= 1 and cpus <= 8),
    memory_mb integer not null default 256,
    websocket_url text,
    health_check_url text,
    provisioned_at timestamptz,
    started_at timestamptz,
    stopped_at timestamptz,
    last_health_check timestamptz,
    error_message text,
    error_count integer default 0,
    fly_app_name text,
    fly_machine_version text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create table public.cloud_metrics (
    id uuid primary key default gen_random_uuid(),
    machine_id uuid not null references public.cloud_machines (id) on delete cascade,
    cpu_usage_vcpus numeric(4, 2),
    memory_used_mb integer,
    memory_total_mb integer,
    active_signals integer default 0,
    analysis_queue_depth integer default 0,
    websocket_latency_ms integer,
    filter_execution_time_ms integer,
    ai_analysis_time_ms integer,
    signals_created_count integer default 0,
    analyses_completed_count integer default 0,
    errors_count integer default 0,
    recorded_at timestamptz not null default now(),
    recorded_date date default current_date
);
create table public.cloud_costs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    machine_id uuid references public.cloud_machines (id) on delete set null,
    vcpu_hours numeric(10, 4) not null,
    cost_per_vcpu_hour numeric(10, 4) not null default 0.02,
    total_cost_usd numeric(10, 4) not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    region text,
    created_at timestamptz default now()
);
create table public.cloud_events (
    id uuid primary key default gen_random_uuid(),
    machine_id uuid not null references public.cloud_machines (id) on delete cascade,
    user_id uuid not null references auth.users (id) on delete cascade,
    event_type text not null check (event_type in ('provision', 'error', 'stop', 'start', 'config_update', 'machine_provisioned',
        'machine_started', 'machine_stopped', 'machine_scaled', 'machine_error', 'machine_retry', 'config_synced', 'trader_added',
        'trader_removed', 'trader_updated', 'signal_created', 'analysis_completed', 'websocket_connected', 'websocket_disconnected',
        'health_check_failed')),
    severity text not null default 'info' check (severity in ('info', 'warning', 'error')),
    message text not null,
    details jsonb,
    created_at timestamptz default now()
);
create trigger update_cloud_machines_updated_at before update on public.cloud_machines for each row execute function public.update_updated_at_column();

alter table public.cloud_machines enable row level security;
alter table public.cloud_metrics enable row level security;
alter table public.cloud_costs enable row level security;
alter table public.cloud_events enable row level security;
create policy "Users can view own machines" on public.cloud_machines for select using (auth.uid() = user_id);
create policy "Service role manages machines" on public.cloud_machines for all using (auth.role() = 'service_role');
create policy "Users can view own metrics" on public.cloud_metrics for select using (exists (
    select 1 from public.cloud_machines m where m.id = cloud_metrics.machine_id and m.user_id = auth.uid()));
create policy "Users can view own costs" on public.cloud_costs for select using (auth.uid() = user_id);
create policy "Users can view own events" on public.cloud_events for select using (auth.uid() = user_id);

-- ---- signals ----

create table public.user_fly_apps (
    id uuid primary key default gen_random_uuid(),
    user_id uuid unique references auth.users (id) on delete cascade,
    app_name text
);
create table public.signals (
    id uuid primary key default gen_random_uuid(),
    trader_id uuid not null references public.traders (id) on delete cascade,
    user_id uuid references auth.users (id) on delete cascade,
    symbol text not null,
    "interval" text,
    "timestamp" timestamptz,
    price_at_signal numeric,
    change_percent_at_signal numeric,
    volume_at_signal numeric,
    count integer default 1,
    price numeric,
    matched_conditions jsonb,
    status text default 'new',
    source text not null default 'local' check (source in ('local', 'cloud')),
    fly_app_id uuid references public.user_fly_apps (id) on delete set null,
    metadata jsonb,
    indicator_data jsonb,
    closed_at timestamptz,
    updated_at timestamptz default now(),
    created_at timestamptz default now()
);
create index idx_signals_indicator_data on public.signals using gin (indicator_data);
create table public.signal_analyses (
    id uuid primary key default gen_random_uuid(),
    signal_id uuid not null references public.signals (id) on delete cascade,
    trader_id uuid not null references public.traders (id) on delete cascade,
    user_id uuid not null references auth.users (id) on delete cascade,
    decision text not null check (decision in ('enter_trade', 'bad_setup', 'wait')),
    confidence decimal(5, 2) not null check (confidence >= 0 and confidence <= 100),
    reasoning text not null,
    key_levels jsonb not null,
    trade_plan jsonb not null,
    technical_indicators jsonb,
    raw_ai_response text,
    analysis_latency_ms integer,
    gemini_tokens_used integer,
    model_name text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
alter table public.signals enable row level security;
alter table public.signal_analyses enable row level security;
create policy "Anonymous sees built-in signals" on public.signals for select to anon using (exists (
    select 1 from public.traders t where t.id = trader_id and t.user_id is null and t.access_tier = 'anonymous' and t.enabled));
create policy "Users see signals of own and allowed traders" on public.signals for select to authenticated using (exists (
    select 1 from public.traders t where t.id = trader_id and (t.user_id = auth.uid() or (t.user_id is null and t.enabled
        and t.access_tier = 'anonymous'))));
create policy "Older: users insert signals" on public.signals for insert to authenticated with check (true);
create policy "Older: users delete own signals" on public.signals for delete to authenticated using (auth.uid() = user_id);
create policy "Select own" on public.signal_analyses for select using (auth.uid() = user_id);
create policy "Service role can insert" on public.signal_analyses for insert with check (true);
create policy "Service role can update" on public.signal_analyses for update using (true);

create function public.auto_trigger_ai_analysis() returns trigger language plpgsql security definer as $$
begin
    if exists (select 1 from public.user_profiles p join public.traders t on t.user_id = p.id
        where t.id = new.trader_id and t.auto_analyze_signals and p.subscription_tier = 'elite')
    then
        perform net.http_post('https://project/functions/v1/llm-proxy',
            jsonb_build_object('operation', 'analyze-signal', 'params', jsonb_build_object('signalId', new.id, 'price', new.price_at_signal)),
            '{}'::jsonb, 30000);
    end if;
    return new;
end $$;
create trigger auto_trigger_ai_analysis after insert on public.signals for each row execute function public.auto_trigger_ai_analysis();

create function public.update_signal_status_on_analysis() returns trigger language plpgsql security definer as $$
begin
    update public.signals set
        status = case when new.decision = 'wait' then 'monitoring' when new.decision in ('enter', 'enter_trade') then 'ready' else 'expired' end,
        closed_at = case when new.decision in ('bad', 'bad_setup') then now() else closed_at end
    where id = new.signal_id;
    return new;
end $$;
create trigger update_signal_status_on_analysis after insert on public.signal_analyses for each row execute function public.update_signal_status_on_analysis();
alter publication supabase_realtime add table public.signal_analyses;

-- ---- rows ----

insert into auth.users (id, email) values ('00000000-0000-4000-8000-0000000000aa', 'old@example.com');
update public.user_subscriptions set tier = 'elite';
update public.user_profiles set subscription_tier = 'ELITE';
insert into public.traders (id, name, description, filter, strategy, user_id, cloud_config) values
    ('00000000-0000-4000-8000-0000000000b1', 'RSI', 'old', '{"code": "return rsi[rsi.length - 1] < 30;"}', '{"instructions": "buy"}',
        '00000000-0000-4000-8000-0000000000aa', '{"enabledInCloud": true}'),
    ('00000000-0000-4000-8000-0000000000b2', 'Built in', 'old', to_jsonb('{"code": "return true;"}'::text), to_jsonb('{}'::text), null, null);
update public.traders set ownership_type = 'system', is_built_in = true, access_tier = 'anonymous' where user_id is null;
insert into public.cloud_machines (user_id, machine_id, region) values ('00000000-0000-4000-8000-0000000000aa', 'vyx-00000000', 'fra');
insert into public.signals (id, trader_id, user_id, symbol, price_at_signal, status) values
    ('00000000-0000-4000-8000-0000000000c1', '00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000aa', 'BTCUSDT', 1, 'in_position'),
    ('00000000-0000-4000-8000-0000000000c2', '00000000-0000-4000-8000-0000000000b2', null, 'ETHUSDT', 2, 'some status of long ago');
