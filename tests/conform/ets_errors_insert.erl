%% Who may insert and look up what, and the words for it when not.
-module(ets_errors_insert).
-export([main/0]).
-compile([nowarn_unused_vars]).
%% What came out, or the exception with its cause and the words that OTP's formatter finds for it.
e(F) ->
    try F() catch C:R:St ->
        [{M, Fn, A, Info} | _] = St,
        case proplists:get_value(error_info, Info) of
            #{module := By} = EI -> {C, R, M, Fn, maps:get(cause, EI, none), try By:format_error(R, [{M, Fn, A, Info}]) catch _:_ -> none end};
            EI -> {C, R, M, Fn, EI}
        end
    end.
main() ->
    T = ets:new(t, [public]), B = ets:new(b, [bag, public]), O = ets:new(o, [ordered_set, public]), K2 = ets:new(k, [{keypos, 2}]),
    D = ets:new(d, []), ets:delete(D), Self = self(),
    Other = spawn(fun() -> ets:new(p, [private, named_table]), Q = ets:new(q, [protected, named_table]), ets:insert(Q, {1, 2}), Self ! ok, receive stop -> ok end end),
    receive ok -> ok end,
    R = [e(fun() -> ets:lookup(D,1) end),
     e(fun() -> ets:lookup(nope,1) end),
     e(fun() -> ets:lookup(p,1) end),
     e(fun() -> ets:lookup(1,1) end),
     e(fun() -> ets:insert(q,{1}) end),
     e(fun() -> ets:insert(q,x) end),
     e(fun() -> ets:insert(T,x) end),
     e(fun() -> ets:insert(T,{}) end),
     e(fun() -> ets:insert(K2,{1}) end),
     e(fun() -> ets:insert(T,[{1},x]) end),
     e(fun() -> ets:insert(T,[{1}|x]) end),
     e(fun() -> ets:insert(T,[]) end),
     e(fun() -> ets:insert_new(T,x) end),
     e(fun() -> ets:insert_new(T,[{1},{2}]) end),
     e(fun() -> ets:insert_new(T,[{1},{3}]) end),
     e(fun() -> ets:insert_new(T,[{4},{4,1}]) end),
     e(fun() -> ets:lookup(T,4) end),
     e(fun() -> ets:insert_new(B,[{4},{4,1}]) end),
     e(fun() -> ets:insert_new(B,[{4},{5,1}]) end),
     e(fun() -> ets:lookup(B,4) end),
     e(fun() -> ets:new(1,[]) end),
     e(fun() -> ets:new(a,[x]) end),
     e(fun() -> ets:new(a,x) end),
     e(fun() -> ets:new(a,[set|x]) end),
     e(fun() -> ets:new(q,[named_table]) end),
     e(fun() -> ets:new(a,[{keypos,0}]) end),
     e(fun() -> ets:new(a,[{heir,x,y}]) end),
     e(fun() -> ets:new(a,[{write_concurrency,x}]) end),
     e(fun() -> ets:new(a,[{decentralized_counters,x}]) end)],
    Mref = monitor(process, Other), exit(Other, kill), receive {'DOWN', Mref, _, _, _} -> R end.
