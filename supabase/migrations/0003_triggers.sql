-- updated_at and version. Both are set from the row as it was, so that a second trigger of the same purpose, which the
-- earlier tables have, changes nothing.

create or replace function trademind.touch() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end
$$;

create or replace function trademind.next_version() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

do $$
declare
    relation text;
begin
    foreach relation in array array['user_subscriptions', 'traders', 'cloud_machines', 'signals', 'signal_analyses'] loop
        execute format('create or replace trigger trademind_touch before update on public.%I
            for each row execute function trademind.touch()', relation);
    end loop;
end
$$;

create or replace trigger trademind_version before update on public.traders
    for each row execute function trademind.next_version();

-- An analysis moves its signal on, unless somebody has put the signal away.
create or replace function trademind.judge_signal() returns trigger language plpgsql as $$
begin
    update public.signals set
        status = case new.decision when 'wait' then 'monitoring' when 'enter_trade' then 'ready' else 'expired' end,
        closed_at = case new.decision when 'bad_setup' then now() else closed_at end
    where id = new.signal_id and status in ('new', 'analysis_queued', 'analyzing', 'monitoring', 'ready');
    return null;
end
$$;

create or replace trigger trademind_judge_signal after insert on public.signal_analyses
    for each row execute function trademind.judge_signal();

-- Of what a machine wrote a user changes the status (to put a signal away) and nothing else.
create or replace function trademind.guard_signal() returns trigger language plpgsql as $$
declare
    wanted public.signals;
begin
    if current_user not in ('anon', 'authenticated') or (old.source <> 'cloud' and new.source <> 'cloud') then
        return new;
    end if;
    wanted := old;
    wanted.status := new.status;
    wanted.closed_at := new.closed_at;
    wanted.updated_at := new.updated_at;
    if wanted is distinct from new then
        raise insufficient_privilege using message = 'a signal of a machine is the machine''s; its status alone may be changed';
    end if;
    return new;
end
$$;

create or replace trigger trademind_guard_signal before update on public.signals
    for each row execute function trademind.guard_signal();
