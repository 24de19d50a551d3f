%% Dets and disk_log: contents after closing, after a file that was not closed, after damage; logs that wrap.
-module(tool_tables).
-export([main/0]).
main() ->
    logger:set_primary_config(level, none),
    R = tool_bench:in_folder("tables", fun(_) -> [dets(set), dets(bag), dets_repair(), log(), wrap(), broken()] end),
    logger:set_primary_config(level, notice),
    R.
dets(Type) ->
    {ok, d} = dets:open_file(d, [{file, "d." ++ atom_to_list(Type)}, {type, Type}]),
    ok = dets:insert(d, [{I, I rem 10, <<I:64>>} || I <- lists:seq(1, 2000)]),
    ok = dets:insert(d, [{I, again} || I <- lists:seq(1, 100)]),
    ok = dets:delete(d, 7),
    5 = dets:select_delete(d, [{{'$1', 3, '_'}, [{'>', '$1', 1950}], [true]}]),
    ok = dets:close(d),
    {ok, d} = dets:open_file(d, [{file, "d." ++ atom_to_list(Type)}, {type, Type}]),
    R = [dets:info(d, size), dets:lookup(d, 77), dets:member(d, 7), lists:sort(dets:match(d, {'$1', 5, '_'})) =:= [[I] || I <- lists:seq(5, 2000, 10), Type =:= bag orelse I > 100],
         dets:foldl(fun(X, S) -> S + element(1, X) end, 0, d), erlang:phash2(lists:sort(dets:match_object(d, '_'))), catch dets:update_counter(d, 2000, {2, 5})],
    dets:close(d),
    R.
dets_repair() ->
    {ok, r} = dets:open_file(r, [{file, "r"}, {auto_save, infinity}]),
    ok = dets:insert(r, [{I, lists:seq(1, I rem 20)} || I <- lists:seq(1, 500)]),
    ok = dets:sync(r),
    {ok, _} = file:copy("r", "r2"),
    dets:close(r),
    No = dets:open_file(r2, [{file, "r2"}, {repair, false}]),
    {ok, r2} = dets:open_file(r2, [{file, "r2"}]),
    R = {No, dets:info(r2, size), dets:lookup(r2, 499)},
    dets:close(r2),
    R.
log() ->
    {ok, l} = disk_log:open([{name, l}, {file, "l"}]),
    ok = disk_log:log(l, {one, 1}),
    ok = disk_log:log_terms(l, [{I, lists:duplicate(100, I)} || I <- lists:seq(1, 2000)]),
    ok = disk_log:sync(l),
    N = chunks(l, start, 0),
    ok = disk_log:truncate(l, head),
    {_, Left} = disk_log:chunk(l, start),
    ok = disk_log:close(l),
    [N, Left].
chunks(L, C, N) ->
    case disk_log:chunk(L, C) of
        eof -> N;
        {Next, Terms} -> chunks(L, Next, N + length(Terms))
    end.
wrap() ->
    {ok, w} = disk_log:open([{name, w}, {file, "w"}, {type, wrap}, {size, {1000, 3}}, {format, external}, {notify, true}]),
    [ok = disk_log:blog(w, <<I:80/unit:8>>) || I <- lists:seq(1, 100)],
    Info = disk_log:info(w),
    R = [proplists:get_value(K, Info) || K <- [no_items, current_file, no_overflows, type, format, mode]],
    Told = length(told()),
    ok = disk_log:change_size(w, {2000, 2}),
    ok = disk_log:close(w),
    [R, Told, [{F, filelib:file_size(F)} || F <- lists:sort(filelib:wildcard("w.[0-9]"))]].
told() -> receive {disk_log, _, _, M} -> [M | told()] after 100 -> [] end.
broken() ->
    {ok, b} = disk_log:open([{name, b}, {file, "b"}]),
    ok = disk_log:log_terms(b, [1, 2, 3]),
    ok = disk_log:sync(b),
    {ok, All} = file:read_file("b"),
    ok = disk_log:close(b),
    ok = file:write_file("c", [binary:part(All, 0, byte_size(All) - 3)]),
    No = disk_log:open([{name, c}, {file, "c"}, {repair, false}]),
    R = disk_log:open([{name, c}, {file, "c"}]),
    {_, Terms} = disk_log:chunk(c, start),
    disk_log:close(c),
    [No, R, Terms].
