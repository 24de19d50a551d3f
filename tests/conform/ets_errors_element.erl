%% Elements, steps and slots: what is refused.
-module(ets_errors_element).
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
    R = [e(fun() -> ets:lookup_element(T,1,3) end),
     e(fun() -> ets:lookup_element(T,77,1) end),
     e(fun() -> ets:lookup_element(T,1,0) end),
     e(fun() -> ets:lookup_element(T,1,x) end),
     e(fun() -> ets:next(T,77) end),
     e(fun() -> ets:prev(T,77) end),
     e(fun() -> ets:next(O,77) end),
     e(fun() -> ets:prev(O,7) end),
     e(fun() -> ets:first(O) end),
     e(fun() -> ets:last(O) end),
     e(fun() -> ets:update_element(T,1,{2,x}) end),
     e(fun() -> ets:update_element(T,1,{1,x}) end),
     e(fun() -> ets:update_element(T,1,{9,x}) end),
     e(fun() -> ets:update_element(T,1,{0,x}) end),
     e(fun() -> ets:update_element(T,55,{2,x}) end),
     e(fun() -> ets:update_element(T,55,{0,x}) end),
     e(fun() -> ets:update_element(T,55,{1,x}) end),
     e(fun() -> ets:update_element(T,1,[{2,x},{3,y}]) end),
     e(fun() -> ets:update_element(T,1,[]) end),
     e(fun() -> ets:update_element(T,1,x) end),
     e(fun() -> ets:update_element(B,1,{2,x}) end),
     e(fun() -> ets:update_element(T,1,{2,x,y}) end),
     e(fun() -> ets:update_element(T,1,[{2,1}|z]) end),
     e(fun() -> ets:slot(T,100000) end),
     e(fun() -> ets:slot(T,x) end),
     e(fun() -> ets:slot(T,-1) end),
     e(fun() -> ets:slot(O,0) end),
     e(fun() -> ets:slot(O,1) end),
     e(fun() -> ets:take(T,1) end),
     e(fun() -> ets:take(q,1) end),
     e(fun() -> ets:member(D,1) end)],
    Mref = monitor(process, Other), exit(Other, kill), receive {'DOWN', Mref, _, _, _} -> R end.
