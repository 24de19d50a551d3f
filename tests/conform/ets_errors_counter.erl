%% ets:update_counter: every form, every refusal.
-module(ets_errors_counter).
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
    ets:insert(T, {1, 5, a, 1.0}),
    R = [e(fun() -> ets:update_counter(T,1,1) end),
     e(fun() -> ets:update_counter(T,1,{2,1}) end),
     e(fun() -> ets:update_counter(T,1,{3,1}) end),
     e(fun() -> ets:update_counter(T,1,{9,1}) end),
     e(fun() -> ets:update_counter(T,1,{1,1}) end),
     e(fun() -> ets:update_counter(T,1,[{2,1},{2,2}]) end),
     e(fun() -> ets:update_counter(T,1,[]) end),
     e(fun() -> ets:update_counter(T,1,x) end),
     e(fun() -> ets:update_counter(T,99,1) end),
     e(fun() -> ets:update_counter(T,1,{2,1,7,0}) end),
     e(fun() -> ets:update_counter(T,1,{2,-1,0,7}) end),
     e(fun() -> ets:update_counter(T,1,{2,x}) end),
     e(fun() -> ets:update_counter(T,1,{2,1,x,0}) end),
     e(fun() -> ets:update_counter(T,1,{x,1}) end),
     e(fun() -> ets:update_counter(T,1,[{2,1}|x]) end),
     e(fun() -> ets:update_counter(T,1,[{2,1},{3,1}]) end),
     e(fun() -> ets:update_counter(T,1,{4,1}) end),
     e(fun() -> ets:update_counter(T,1,1.5) end),
     e(fun() -> ets:update_counter(T,1,{0,1}) end),
     e(fun() -> ets:update_counter(T,99,{2,1},{x,y}) end),
     e(fun() -> ets:update_counter(T,99,{2,1},{x,3}) end),
     e(fun() -> ets:update_counter(T,98,{2,1},x) end),
     e(fun() -> ets:lookup(T,99) end),
     e(fun() -> ets:update_counter(T,1,{2,1,3}) end),
     e(fun() -> ets:update_counter(T,96,[],{x,3}) end),
     e(fun() -> ets:lookup(T,96) end),
     e(fun() -> ets:update_counter(B,99,1) end)],
    Mref = monitor(process, Other), exit(Other, kill), receive {'DOWN', Mref, _, _, _} -> R end.
