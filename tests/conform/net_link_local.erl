%% Addresses that mean something on their link only are told with the interface's number, and can be bound to with it.
-module(net_link_local).
-export([main/0]).

bound(#{addr := Ip, scope_id := Scope}) ->
    Address = #{family => inet6, addr => Ip, port => 0, scope_id => Scope},
    {ok, S} = gen_udp:open(0, [{ifaddr, Address}, {active, false}, binary]),
    {ok, {Ip, Port}} = inet:sockname(S),
    {ok, C} = gen_udp:open(0, [{ifaddr, Address}, {active, false}, binary]),
    ok = gen_udp:send(C, Address#{port := Port}, <<"there">>),
    {ok, {Ip, From, <<"there">>}} = gen_udp:recv(S, 0, 5000),
    ok = gen_udp:connect(S, Ip, From),
    ok = gen_udp:send(S, <<"back">>),
    {ok, {Ip, Port, <<"back">>}} = gen_udp:recv(C, 0, 5000),
    gen_udp:close(S),
    gen_udp:close(C),
    {Scope > 0, ok}.

main() ->
    Local = fun(#{addr := #{family := inet6, addr := {16#fe80, _, _, _, _, _, _, _}}}) -> true; (_) -> false end,
    {ok, All} = net:getifaddrs(Local),
    %% Machines without such an address have nothing to say.
    lists:usort([catch bound(A) || #{addr := A} <- All] ++ [{true, ok}]).
