// Words of the settings of connections, both languages side by side.
export const connectionsEn = {
  title: 'Connections',
  lead: 'How this app reaches cloud services and downloads. Servers on this computer are always reached directly.',
  proxy: 'Proxy',
  kinds: { system: 'System settings', direct: 'None', address: 'Custom' },
  systemNote:
    'On Windows and macOS the system settings, and the variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY everywhere.',
  address: 'Address of the proxy',
  addressNote:
    'HTTP or SOCKS, such as http://proxy.example:8080 or socks5h://127.0.0.1:1080. If it needs a user name and password, enter them below.',
  bad: 'It starts with http://, https://, socks5:// or socks5h://, has a host name, and no user name or password.',
  login: {
    title: 'User name and password of the proxy',
    none: 'None. Most proxies need none.',
    enter: 'Enter',
    user: 'User name',
    password: 'Password',
    note: 'Kept like a cloud key: in the keyring of this computer where there is one, never shown again, and sent to this proxy only. Changing the address deletes them.',
    keep: 'Save',
    as: (user: string) => `As ${user}`,
    change: 'Change',
    forget: 'Delete',
    places: {
      keyring: 'Password in the keyring of this computer',
      nowhere: 'No password needed',
      file: 'No keyring is used on this computer, so the password is stored in an encrypted file. Anyone who can read all files of your account can open it.',
    },
  },
  certificates: 'Company certificates',
  certificatesNote:
    'Certificates of the operating system are always trusted. If your company uses its own, choose its file (PEM) here.',
  none: 'System certificates only',
  choose: 'Choose a file',
  remove: 'Use system certificates only',
  kind: 'Certificates',
  test: 'To check the connection, test a service under Cloud keys: it names the step that fails.',
};

export const connectionsZh: typeof connectionsEn = {
  title: '连接',
  lead: '本应用如何连接云端服务和下载源。在这台电脑上运行的内容始终直接访问。',
  proxy: '代理',
  kinds: { system: '跟随系统', direct: '不使用', address: '指定代理' },
  systemNote:
    '在 Windows 和 macOS 上使用系统设置；在所有系统上读取环境变量 HTTPS_PROXY、HTTP_PROXY、ALL_PROXY 和 NO_PROXY。',
  address: '代理地址',
  addressNote:
    'HTTP 或 SOCKS，例如 http://proxy.example:8080 或 socks5h://127.0.0.1:1080。如果代理需要用户名和密码，请在下面单独填写。',
  bad: '地址以 http://、https://、socks5:// 或 socks5h:// 开头，包含主机名，且不含用户名或密码。',
  login: {
    title: '代理的用户名和密码',
    none: '没有填写。大多数代理不需要。',
    enter: '填写',
    user: '用户名',
    password: '密码',
    note: '与云端密钥一样保存：有系统钥匙串时存入其中，之后不再显示，并且只发送给这个代理。更换代理地址后会被清除。',
    keep: '保存',
    as: (user) => `用户名：${user}`,
    change: '修改',
    forget: '清除',
    places: {
      keyring: '密码保存在系统钥匙串中',
      nowhere: '不需要密码',
      file: '这台电脑没有使用系统钥匙串，密码保存在加密文件中。能读取你账户全部文件的人可以打开它。',
    },
  },
  certificates: '公司证书',
  certificatesNote: '操作系统的证书始终受信任。如果公司使用自己的证书，请在此选择证书文件（PEM）。',
  none: '仅系统证书',
  choose: '选择文件',
  remove: '仅使用系统证书',
  kind: '证书',
  test: '想确认是否可用，请在“云端密钥”里测试一个服务，它会指出失败的步骤。',
};
