-- The tables whose changes Supabase's Realtime sends to browsers, by row level security.
do $$
declare
    relation text;
begin
    if not exists (select from pg_publication where pubname = 'supabase_realtime' and not puballtables) then
        return;
    end if;
    foreach relation in array array['signals', 'signal_analyses', 'traders', 'cloud_machines'] loop
        if not exists (select from pg_publication_tables
            where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = relation)
        then
            execute format('alter publication supabase_realtime add table public.%I', relation);
        end if;
    end loop;
exception
    when insufficient_privilege then
        raise warning 'supabase_realtime is not ours to change: browsers are not told of new rows by themselves';
end
$$;
